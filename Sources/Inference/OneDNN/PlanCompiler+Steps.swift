internal import CResectOneDNN
internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors

extension PlanCompiler {
  /// Adds the layers of a step or, where oneDNN has none for it, the reference kernel.
  mutating func compile(_ step: Program.Step) throws(ResectError) {
    do throws(ResectError) {
      guard try compiled(step) else { return try compileReference() }
    } catch {
      // The library has no kernel for these numbers of a layer that it has.
      guard error.code == .unsupported else { throw error }
      try compileReference()
    }
  }

  /// Whether there are layers for the step, which are added then.
  private mutating func compiled(_ step: Program.Step) throws(ResectError) -> Bool {
    guard case .image? = step.inputs.first.map({ shapes[$0] }) else { return try compiledVector(step) }
    switch step.operation {
    case .convolution(let convolution): try compile(convolution)
    case .batchNorm(let norm): try compile(norm)
    case .scaleShift(let affine): try compile(affine)
    case .activation(let activation):
      guard let eltwise = activation.eltwise else { return false }
      let source = try floatForm(of: step.inputs[0])
      try append(try Layer.eltwise(step.name, eltwise, source.layout), of: source, making: step.output)
    case .maxPool(let pooling):
      return try compile(pooling, RESECT_MAXIMUM, of: try form(of: step.inputs[0]))
    case .averagePool(let pooling):
      return try compile(
        pooling, pooling.countsBorder ? RESECT_MEAN_OF_WINDOW : RESECT_MEAN_INSIDE,
        of: try floatForm(of: step.inputs[0])
      )
    case .globalAveragePool: try compileGlobalPool(RESECT_MEAN_INSIDE)
    case .globalMaxPool: try compileGlobalPool(RESECT_MAXIMUM)
    case .add: try compileSum()
    case .multiply: try compileProduct()
    case .concatenate: try compileConcatenation()
    case .flatten(let order):
      let layout = try Layout(axes(step.inputs[0]), RESECT_F32, order == .channelsFirst ? .plain : .channelsLast)
      let image =
        order == .channelsFirst || shapes[step.inputs[0]].isPerChannel
        ? try plainForm(of: step.inputs[0]) : try brought(step.inputs[0], to: layout, RESECT_F32, scale: 1)
      try share(image)
    case .linear, .toImage, .pad, .channelConvolution, .normalize, .constant, .identity: return false
    }
    return true
  }

  private mutating func compiledVector(_ step: Program.Step) throws(ResectError) -> Bool {
    switch step.operation {
    case .linear(let linear): try compile(linear)
    case .flatten, .toImage: try share(try plainForm(of: step.inputs[0]))
    case .concatenate: try compileConcatenation()
    case .add: try compileSum()
    // The library's functions of single numbers are approximations: of a vector's few, there is time to be exact.
    case .convolution, .batchNorm, .scaleShift, .activation, .maxPool, .averagePool, .globalAveragePool, .globalMaxPool,
      .multiply, .pad, .channelConvolution, .normalize, .constant, .identity:
      return false
    }
    return true
  }

  /// Lets the step's value be the memory of `image` under another shape.
  private mutating func share(_ image: Held) throws(ResectError) {
    hold(Held(value: step.output, layout: try plain(step.output), type: RESECT_F32, scale: 1, place: image.place))
  }

  // MARK: Norms

  private mutating func compile(_ norm: Graph.BatchNorm) throws(ResectError) {
    let name = step.name
    let channels = norm.mean.shape.elementCount
    try normalize(channels, epsilon: norm.epsilon) { () throws(ResectError) in
      (try norm.mean.finiteFloats("\(name).running_mean"), try norm.variances("\(name).running_var").map { Float($0) })
    } affine: { () throws(ResectError) in
      let scale = try norm.weight?.finiteFloats("\(name).weight") ?? [Float](repeating: 1, count: channels)
      return scale + (try norm.bias?.finiteFloats("\(name).bias") ?? [Float](repeating: 0, count: channels))
    }
  }

  /// A scale and a shift are a norm of what has a mean of 0 and a variance of 1.
  private mutating func compile(_ affine: Graph.ScaleShift) throws(ResectError) {
    let name = step.name
    let channels = shapes[step.output].channels
    try normalize(channels, epsilon: 0) {
      ([Float](repeating: 0, count: channels), [Float](repeating: 1, count: channels))
    } affine: { () throws(ResectError) in
      let (factors, shifts) = try affine.affine(at: name, channels: channels)
      return (factors + shifts).map { Float($0) }
    }
  }

  private mutating func normalize(
    _ channels: Int, epsilon: Double,
    statistics: @escaping @Sendable () throws(ResectError) -> (means: [Float], variances: [Float]),
    affine: @escaping @Sendable () throws(ResectError) -> [Float]
  ) throws(ResectError) {
    let source = try floatForm(of: step.inputs[0])
    let layer = try Layer.batchNorm(step.name, source.layout, epsilon: epsilon, relu: step.activation != nil)
    let arguments = [
      try vector(.mean, RESECT_MEAN, [channels]) { () throws(ResectError) in try statistics().means },
      try vector(.variance, RESECT_VARIANCE, [channels]) { () throws(ResectError) in try statistics().variances },
      try vector(.scaleShift, RESECT_SCALE_SHIFT, [2, channels], affine),
    ]
    try append(layer, of: source, arguments, making: step.output)
  }

  // MARK: Pooling

  /// Whether the library has the pooling.
  private mutating func compile(
    _ pooling: Graph.Pooling, _ reduction: resect_reduction, of source: Held
  ) throws(ResectError) -> Bool {
    guard case .image(let channels, let height, let width) = shapes[source.value] else { return false }
    let (rows, columns) = (try pooling.window.vertical(height), try pooling.window.horizontal(width))
    guard pooling.window.dilation == 1 else { return false }
    let (below, right) = (rows.reach - height - rows.before, columns.reach - width - columns.before)
    // A window that reaches past the border is divided by what it has within.
    guard reduction != RESECT_MEAN_OF_WINDOW || below <= rows.after && right <= columns.after else { return false }
    var what = resect_pooling()
    (what.batch, what.channels) = (Int64(batch), Int64(channels))
    (what.height, what.width) = (Int64(height), Int64(width))
    (what.output_height, what.output_width) = (Int64(rows.count), Int64(columns.count))
    (what.kernel_height, what.kernel_width) = (Int64(rows.span), Int64(columns.span))
    (what.stride_height, what.stride_width) = (Int64(rows.stride), Int64(columns.stride))
    (what.padding_top, what.padding_left) = (Int64(rows.before), Int64(columns.before))
    (what.padding_bottom, what.padding_right) = (Int64(below), Int64(right))
    what.reduction = reduction
    let layer = try Layer.pool(step.name, what, source.layout)
    try append(layer, of: source, making: step.output, type: source.type, scale: source.scale)
    return true
  }

  private mutating func compileGlobalPool(_ reduction: resect_reduction) throws(ResectError) {
    let source = try floatForm(of: step.inputs[0])
    guard case .image(let channels, let height, let width) = shapes[source.value] else { return }
    var what = resect_pooling()
    (what.batch, what.channels) = (Int64(batch), Int64(channels))
    (what.height, what.width, what.output_height, what.output_width) = (Int64(height), Int64(width), 1, 1)
    (what.kernel_height, what.kernel_width) = (Int64(height), Int64(width))
    (what.stride_height, what.stride_width, what.reduction) = (1, 1, reduction)
    let layer = try Layer.pool(step.name, what, source.layout)
    let pooled = try append(layer, of: source, making: step.output)
    guard case .vector = shapes[step.output] else { return }
    // A vector lies row-major; its channels may have been padded to a block.
    let isPadded = pooled.layout.byteCount != batch * channels * 4
    let image = try Layout([batch, channels, 1, 1], RESECT_F32, .plain)
    try share(isPadded ? try reordered(pooled, to: image, RESECT_F32, scale: 1) : pooled)
  }

  // MARK: Several values

  /// Adds up the step's inputs, one after the other.
  private mutating func compileSum() throws(ResectError) {
    let step = step
    var sum = try sumForm(of: step.inputs[0])
    for (index, input) in step.inputs.enumerated().dropFirst() {
      let other = try brought(input, to: sum.layout, RESECT_F32, scale: 1)
      let layer = try Layer.add(step.name, sum.layout, other.layout, relu: step.activation != nil)
      sum = try append(
        layer, of: sum, [argument(RESECT_SOURCE_2, other)], making: step.output,
        completing: index == step.inputs.count - 1)
    }
  }

  private mutating func sumForm(of value: Graph.ValueID) throws(ResectError) -> Held {
    if case .image = shapes[value] { return try floatForm(of: value) }
    return try plainForm(of: value)
  }

  /// Multiplies an image by another, or each of its channels by a number.
  private mutating func compileProduct() throws(ResectError) {
    let step = step
    let image = try floatForm(of: step.inputs[0])
    let other: Plan.Argument
    if shapes[step.inputs[1]] == shapes[step.output] {
      other = argument(RESECT_SOURCE_2, try brought(step.inputs[1], to: image.layout, RESECT_F32, scale: 1))
    } else {
      let vector = try plainForm(of: step.inputs[1])
      other = Plan.Argument(
        kind: RESECT_SOURCE_2,
        layout: try Layout([batch, shapes[step.output].channels, 1, 1], RESECT_F32, .channelsLast),
        place: vector.place, value: vector.value)
    }
    let layer = try Layer.multiply(step.name, image.layout, by: other.layout)
    try append(layer, of: image, [other], making: step.output)
  }

  private mutating func compileConcatenation() throws(ResectError) {
    let step = step
    var sources: [Held] = []
    for input in step.inputs { sources.append(try sumForm(of: input)) }
    let layer = try Layer.concatenation(step.name, sources.map(\.layout))
    guard let layout = layer.layout(of: RESECT_TARGET) else {
      throw ResectError(.unsupported, "oneDNN's \(layer.name) makes nothing")
    }
    let made = Held(value: step.output, layout: layout, type: RESECT_F32, scale: 1, place: newPlace(layout))
    let arguments = sources.enumerated().map { index, source in
      argument(resect_argument(RESECT_SOURCES.rawValue + UInt32(index)), source)
    }
    append(layer, arguments, making: made)
    hold(made)
  }
}

extension Graph.Window.Axis {
  /// Pixels from the first tap of the first window to the last of the last.
  var reach: Int { (count - 1) * stride + span }
}
