internal import CResectOneDNN
internal import ResectBytes
internal import ResectGraphs
internal import ResectResNets
internal import ResectTensors

extension PlanCompiler {
  private var precision: Precision { setting.precision }

  /// The type and scale that convolutions take and make a value in.
  private func format(of value: Graph.ValueID) throws(ResectError) -> (type: resect_type, scale: Float) {
    switch precision {
    case .float32: return (RESECT_F32, 1)
    case .bfloat16: return (RESECT_BF16, 1)
    case .int8:
      guard let range = setting.program.range(of: value, in: setting.ranges) else {
        throw ResectError(
          .badArgument, "in which range the activations lie is unknown", tensor: setting.program.name(of: value))
      }
      return range.isSigned ? (RESECT_S8, range.scale) : (RESECT_U8, range.scale)
    }
  }

  // MARK: Linear layers

  /// A linear layer is a convolution of images of one pixel: unlike the library's own linear layers, whose sums depend on how
  /// many threads share them, those add in one order.
  mutating func compile(_ linear: Graph.Linear) throws(ResectError) {
    let name = step.name
    let axes = linear.weight.shape.axes
    let type = linearType
    var what = resect_convolution()
    (what.batch, what.groups) = (Int64(batch), 1)
    (what.weights, what.target) = (type, RESECT_F32)
    (what.channels, what.height, what.width) = (Int64(axes[1]), 1, 1)
    (what.outputs, what.output_height, what.output_width) = (Int64(axes[0]), 1, 1)
    (what.kernel_height, what.kernel_width, what.stride_height, what.stride_width) = (1, 1, 1, 1)
    (what.dilation_height, what.dilation_width, what.has_bias) = (1, 1, linear.bias != nil)
    let layer = try Layer.convolution(
      name, what, scales: [], from: try pixel(axes[1], type), to: try pixel(axes[0], RESECT_F32))
    guard let wanted = layer.layout(of: RESECT_WEIGHTS) else {
      throw ResectError(.unsupported, "oneDNN's linear layer takes no weights")
    }
    let limit = Float.limit(of: type)
    let place = weights(.weight, wanted, plain: try Layout(axes + [1, 1], RESECT_F32, .plain)) {
      () throws(ResectError) in .floats(try linear.weight.finiteFloats("\(name).weight", below: limit))
    }
    var arguments = [Plan.Argument(kind: RESECT_WEIGHTS, layout: wanted, place: place)]
    if let bias = linear.bias {
      arguments.append(
        try vector(.bias, RESECT_BIAS, [axes[0]]) { () throws(ResectError) in try bias.finiteFloats("\(name).bias") })
    }
    let source = try pixelForm(of: step.inputs[0], type)
    let made = try append(layer, of: source, arguments, making: step.output)
    hold(Held(value: step.output, layout: try plain(step.output), type: RESECT_F32, scale: 1, place: made.place))
  }

  /// What linear layers multiply: reading their weights takes longest, and 8-bit integers would round the features, too.
  private var linearType: resect_type {
    precision != .float32 && OneDNNLibrary.supports(.bfloat16) ? RESECT_BF16 : RESECT_F32
  }

  /// An image of one pixel.
  private func pixel(_ channels: Int, _ type: resect_type) throws(ResectError) -> Layout {
    try Layout([batch, channels, 1, 1], type, .channelsLast)
  }

  /// A vector as an image of one pixel, of `type`.
  private mutating func pixelForm(of value: Graph.ValueID, _ type: resect_type) throws(ResectError) -> Held {
    let vector = try plainForm(of: value)
    let channels = shapes[value].channels
    let image = Held(
      value: value, layout: try pixel(channels, RESECT_F32), type: RESECT_F32, scale: 1, place: vector.place)
    return type == RESECT_F32 ? image : try reordered(image, to: try pixel(channels, type), type, scale: 1)
  }

  // MARK: Convolutions

  mutating func compile(_ convolution: Graph.Convolution) throws(ResectError) {
    let step = step
    let (sourceType, sourceScale) = try format(of: step.inputs[0])
    let (targetType, targetScale) = try format(of: step.output)
    var what = try description(of: convolution)
    what.target = targetType
    what.weights = precision == .int8 ? RESECT_S8 : precision == .bfloat16 ? RESECT_BF16 : RESECT_F32
    let quantized = setting.quantized[current]
    let factors = precision == .int8 ? (quantized?.scales ?? []).map { $0 * sourceScale } : []
    // Where a function of the sum follows that is another one of a divided sum, its result is divided.
    let function = step.activation.flatMap { $0.eltwise(dividedBy: targetScale) }
    let divisor = step.activation == nil || function != nil ? targetScale : 1
    if step.adds {
      let added = try format(of: step.inputs[1])
      what.epilogue.adds = true
      what.epilogue.add_type = added.type
      what.epilogue.add_scale = added.scale / divisor
    }
    if let activation = function ?? step.activation?.eltwise {
      what.epilogue.activates = true
      what.epilogue.activation = activation
      what.epilogue.scale = divisor / targetScale
    }
    let order: Layout.Order = precision == .int8 ? .channelsLast : .any
    let layer = try convolve(
      what, scales: factors.map { $0 / divisor }, try Layout(axes(step.inputs[0]), sourceType, order),
      try Layout(axes(step.output), targetType, order), winograd: setting.winograd && suitsWinograd(convolution))
    guard let sourceLayout = layer.layout(of: RESECT_SOURCE), let targetLayout = layer.layout(of: RESECT_TARGET),
      let weightLayout = layer.layout(of: RESECT_WEIGHTS)
    else { throw ResectError(.unsupported, "oneDNN's convolution lacks an argument at \(step.name)") }
    let source = try brought(step.inputs[0], to: sourceLayout, sourceType, scale: sourceScale)
    var arguments = [
      Plan.Argument(kind: RESECT_WEIGHTS, layout: weightLayout, place: try kernel(of: convolution, weightLayout))
    ]
    if let bias = convolution.bias {
      let name = step.name
      arguments.append(
        try vector(.bias, RESECT_BIAS, [bias.shape.elementCount]) { () throws(ResectError) in
          let numbers = try bias.finiteFloats("\(name).bias")
          return factors.isEmpty ? numbers : zip(numbers, factors).map { $0 / $1 }
        })
    }
    let place = step.adds ? try addend(step.inputs[1], to: targetLayout, beside: source.place) : nil
    try append(layer, of: source, arguments, making: step.output, type: targetType, scale: targetScale, in: place)
  }

  /// The memory that holds what a convolution adds, in the order of its result, which takes its place. It must not be what the
  /// convolution reads, at `source`.
  private mutating func addend(
    _ value: Graph.ValueID, to target: Layout, beside source: Plan.Place
  ) throws(ResectError) -> Plan.Place {
    let (type, scale) = try format(of: value)
    // Integers of either sign take the same place.
    let layout = precision == .int8 ? try Layout(axes(value), type, .channelsLast) : target
    let known = try brought(value, to: layout, type, scale: scale)
    if case .buffer(let buffer) = known.place, isTakenLast(value), !source.isBuffer(buffer) { return known.place }
    return try copied(known).place
  }

  private mutating func kernel(
    of convolution: Graph.Convolution, _ layout: Layout
  ) throws(ResectError) -> Plan.Place {
    var axes = convolution.weight.shape.axes
    let groups = convolution.groups
    if groups > 1 { axes = [groups, axes[0] / groups] + axes.dropFirst() }
    guard precision == .int8 else {
      let weight = convolution.weight
      let name = step.name
      let limit = Float.limit(of: precision == .bfloat16 ? RESECT_BF16 : RESECT_F32)
      return weights(.weight, layout, plain: try Layout(axes, RESECT_F32, .plain)) {
        () throws(ResectError) in .floats(try weight.finiteFloats("\(name).weight", below: limit))
      }
    }
    let integers = setting.quantized[current]?.values ?? []
    return weights(.weight, layout, plain: try Layout(axes, RESECT_S8, .plain)) { .integers(integers) }
  }

  /// Whether Winograd's algorithm pays, and sums in an order that does not depend on the number of threads, which is so for
  /// one image. For wider layers it gains little, and transforming their weights takes longer than
  /// many forward passes.
  private func suitsWinograd(_ convolution: Graph.Convolution) -> Bool {
    let axes = convolution.weight.shape.axes
    return precision == .float32 && batch == 1 && convolution.stride == 1 && convolution.groups == 1
      && convolution.dilation == 1
      && axes[2] == 3 && axes[3] == 3 && 64...256 ~= axes[0] && 64...256 ~= axes[1]
  }

  private func convolve(
    _ what: resect_convolution, scales: [Float], _ source: Layout, _ target: Layout, winograd: Bool
  ) throws(ResectError) -> Layer {
    func make(_ winograd: Bool) throws(ResectError) -> Layer {
      var what = what
      what.winograd = winograd
      return try Layer.convolution(step.name, what, scales: scales, from: source, to: target)
    }
    // Not every shape has the faster algorithm.
    if winograd, let layer = try? make(true) { return layer }
    return try make(false)
  }

  /// The extents of a convolution.
  private func description(of convolution: Graph.Convolution) throws(ResectError) -> resect_convolution {
    guard case .image(let channels, let height, let width) = shapes[step.inputs[0]] else {
      throw ResectError(.mismatch, "the convolution takes \(shapes[step.inputs[0]])", tensor: step.name)
    }
    let (rows, columns) = (try convolution.window.vertical(height), try convolution.window.horizontal(width))
    var what = resect_convolution()
    (what.batch, what.channels, what.height, what.width) = (Int64(batch), Int64(channels), Int64(height), Int64(width))
    what.outputs = Int64(shapes[step.output].channels)
    (what.output_height, what.output_width) = (Int64(rows.count), Int64(columns.count))
    (what.kernel_height, what.kernel_width) = (Int64(convolution.kernel.height), Int64(convolution.kernel.width))
    (what.stride_height, what.stride_width) = (Int64(rows.stride), Int64(columns.stride))
    (what.dilation_height, what.dilation_width) = (Int64(rows.dilation), Int64(columns.dilation))
    what.groups = Int64(convolution.groups)
    (what.padding_top, what.padding_left) = (Int64(rows.before), Int64(columns.before))
    what.padding_bottom = Int64(rows.reach - height - rows.before)
    what.padding_right = Int64(columns.reach - width - columns.before)
    what.has_bias = convolution.bias != nil
    return what
  }
}

extension Plan.Place {
  /// Whether it is the buffer of this number.
  fileprivate func isBuffer(_ number: Int) -> Bool { if case .buffer(number) = self { true } else { false } }
}

extension Float {
  /// The magnitude from which on numbers are infinite as `type`.
  fileprivate static func limit(of type: resect_type) -> Float {
    type == RESECT_BF16 ? Float(sign: .plus, exponent: 127, significand: 2 - 0x1p-8) : .infinity
  }
}
