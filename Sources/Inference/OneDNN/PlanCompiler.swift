internal import ResectBytes
internal import CResectOneDNN
internal import ResectResNets
internal import ResectTensors

/// Makes a plan: chooses layers, inserts changes of layout, and asks the store for weights.
struct PlanCompiler {
  /// A value in one of the forms that it has been brought into.
  struct Held {
    let layout: Layout
    let type: resect_type
    /// What a stored integer is multiplied by; 1 for floating point.
    let scale: Float
    let place: Plan.Place
  }

  let graph: Program
  let precision: Precision
  /// The range of each value, where integers are computed with.
  let ranges: ActivationRanges?
  /// The convolutions' weights as integers, by node, where integers are computed with.
  let quantized: [Int: ScaledIntegers]
  let store: WeightStore
  let batch: Int
  let threads: Int
  let winograd: Bool

  private let shapes: [Program.ValueShape]
  private let lastUses: [Program.ValueID: Int]
  private var held: [Program.ValueID: [Held]] = [:]
  private var steps: [Plan.Step] = []
  private var buffers: [Plan.Buffer] = []
  private var layers: [Layer] = []
  private var tasks: [WeightStore.Task] = []
  /// The node that is being compiled.
  private var current = 0

  init(
    _ graph: Program, precision: Precision, ranges: ActivationRanges?, quantized: [Int: ScaledIntegers],
    store: WeightStore, batch: Int, height: Int, width: Int, threads: Int, winograd: Bool
  ) throws(ResectError) {
    self.graph = graph
    self.precision = precision
    self.ranges = ranges
    self.quantized = quantized
    self.store = store
    self.batch = batch
    self.threads = threads
    self.winograd = winograd
    shapes = try graph.shapes(height: height, width: width)
    var lastUses = graph.lastUses(until: graph.output)
    lastUses[graph.output] = graph.nodes.count
    self.lastUses = lastUses
  }

  /// The plan, its layers built and its weights in place.
  mutating func compile() throws(ResectError) -> Plan {
    let (plan, tasks) = try compileWithoutWeights()
    try store.fill(tasks, building: layers, threads: threads)
    return plan
  }

  /// The plan, and what has to be done before it can run.
  mutating func compileWithoutWeights() throws(ResectError) -> (plan: Plan, tasks: [WeightStore.Task]) {
    resect_onednn_set_threads(Int32(threads))
    do throws(ResectError) {
      held[0] = [Held(layout: try plain(0), type: RESECT_F32, scale: 1, place: .input)]
      for index in graph.nodes.indices {
        current = index
        try compile(index)
      }
      let output = try plainForm(of: graph.output)
      guard case .buffer(let buffer) = output.place else {
        throw ResectError(.badArgument, "the graph computes nothing")
      }
      // The result is read after the last step.
      buffers[buffer].lifetime = buffers[buffer].lifetime.lowerBound...steps.count
      let plan = Plan(
        batch: batch, threads: threads, steps: steps, buffers: buffers, output: buffer,
        outputWidth: shapes[graph.output].count)
      return (plan, tasks)
    } catch {
      store.remove(tasks.map(\.slot))
      throw error
    }
  }

  // MARK: Values

  private func axes(_ value: Program.ValueID) -> [Int] {
    switch shapes[value] {
    case .image(let channels, let height, let width): [batch, channels, height, width]
    case .vector(let count): [batch, count]
    }
  }

  private func plain(_ value: Program.ValueID, _ type: resect_type = RESECT_F32) throws(ResectError) -> Layout {
    try Layout(axes(value), type, .plain)
  }

  private mutating func newBuffer(_ byteCount: Int) -> Int {
    buffers.append(Plan.Buffer(byteCount: byteCount, lifetime: steps.count...steps.count))
    return buffers.count - 1
  }

  private mutating func append(
    _ work: Plan.Work, _ places: [Plan.Place], completing value: Program.ValueID?, output: Held?
  ) {
    for case .buffer(let buffer) in places {
      buffers[buffer].lifetime = buffers[buffer].lifetime.lowerBound...steps.count
    }
    var produced: (buffer: Int, byteCount: Int, type: resect_type)?
    if let output, case .buffer(let buffer) = output.place { produced = (buffer, output.layout.byteCount, output.type) }
    steps.append(
      Plan.Step(work: work, node: current, name: graph.nodes[current].name, value: value, output: produced))
  }

  /// Adds a layer with its scratch memory.
  private mutating func append(
    _ layer: Layer, _ arguments: [Plan.Argument], completing value: Program.ValueID?, output: Held?
  ) {
    var arguments = arguments
    if let scratch = layer.layout(of: RESECT_SCRATCH), scratch.byteCount > 0 {
      arguments.append(
        Plan.Argument(kind: RESECT_SCRATCH, layout: scratch, place: .buffer(newBuffer(scratch.byteCount))))
    }
    layers.append(layer)
    append(.layer(layer, arguments), arguments.map(\.place), completing: value, output: output)
  }

  /// Adds a layer that takes a value and makes another in a new buffer.
  private mutating func append(
    _ layer: Layer, of source: Held, _ others: [Plan.Argument] = [], making value: Program.ValueID,
    type: resect_type, scale: Float = 1, in place: Plan.Place? = nil
  ) throws(ResectError) {
    guard let layout = layer.layout(of: RESECT_TARGET) else {
      throw ResectError(.unsupported, "oneDNN's \(layer.name) makes nothing")
    }
    let place = place ?? .buffer(newBuffer(layout.byteCount))
    let made = Held(layout: layout, type: type, scale: scale, place: place)
    append(
      layer,
      [Plan.Argument(kind: RESECT_SOURCE, layout: source.layout, place: source.place)] + others
        + [Plan.Argument(kind: RESECT_TARGET, layout: layout, place: place)],
      completing: value, output: made)
    held[value] = [made]
  }

  /// The form in which a value was made.
  private func form(of value: Program.ValueID) throws(ResectError) -> Held {
    guard let first = held[value]?.first else { throw ResectError(.mismatch, "value \(value) is not there") }
    return first
  }

  /// A value in row-major floats.
  private mutating func plainForm(of value: Program.ValueID) throws(ResectError) -> Held {
    let form = try form(of: value)
    if case .vector(let count) = shapes[value], form.type == RESECT_F32, form.layout.byteCount == batch * count * 4 {
      // A vector that was pooled from an image: its axes of length 1 order nothing.
      return Held(layout: try plain(value), type: RESECT_F32, scale: 1, place: form.place)
    }
    return try brought(value, to: try plain(value), RESECT_F32, scale: 1)
  }

  /// A value in the layout `layout`, of `type` and `scale`.
  private mutating func brought(
    _ value: Program.ValueID, to layout: Layout, _ type: resect_type, scale: Float
  ) throws(ResectError) -> Held {
    if let known = held[value]?.first(where: { $0.layout == layout && $0.scale == scale }) { return known }
    var source = try form(of: value)
    if type == RESECT_S8 || type == RESECT_U8, source.type == RESECT_F32 {
      // Channels move and numbers are scaled each fast, but not both at once.
      source = try brought(value, to: try Layout(axes(value), RESECT_F32, .channelsLast), RESECT_F32, scale: 1)
    }
    let made = try reordered(source, to: layout, type, scale: scale, "value \(value)")
    held[value, default: []].append(made)
    return made
  }

  /// What `source` holds, in the layout `layout`, of `type` and `scale`.
  private mutating func reordered(
    _ source: Held, to layout: Layout, _ type: resect_type, scale: Float, _ name: String
  ) throws(ResectError) -> Held {
    let factor = source.scale / scale
    let layer = try Layer.reorder(name, from: source.layout, to: layout, scales: factor == 1 ? [] : [factor])
    let made = Held(
      layout: layout, type: type, scale: scale, place: .buffer(newBuffer(layout.byteCount)))
    append(
      layer,
      [
        Plan.Argument(kind: RESECT_SOURCE, layout: source.layout, place: source.place),
        Plan.Argument(kind: RESECT_TARGET, layout: layout, place: made.place),
      ], completing: nil, output: made)
    return made
  }

  /// A value as floats, in whatever order it has.
  private mutating func floatForm(of value: Program.ValueID) throws(ResectError) -> Held {
    let form = try form(of: value)
    guard form.type != RESECT_F32 else { return form }
    return try brought(value, to: try Layout(axes(value), RESECT_F32, .channelsLast), RESECT_F32, scale: 1)
  }

  /// The type and scale that convolutions take and make a value in.
  private func format(of value: Program.ValueID) throws(ResectError) -> (type: resect_type, scale: Float) {
    switch precision {
    case .float32: return (RESECT_F32, 1)
    case .bfloat16: return (RESECT_BF16, 1)
    case .int8:
      let name = graph.name(of: value)
      guard let range = ranges?[name] else {
        throw ResectError(.badArgument, "nobody says in which range the activations lie", tensor: name)
      }
      return range.isSigned ? (RESECT_S8, range.scale) : (RESECT_U8, range.scale)
    }
  }

  // MARK: Weights

  private mutating func weights(
    _ node: Int, _ role: WeightStore.Role, _ layout: Layout, plain: Layout,
    _ fill: @escaping @Sendable () throws(ResectError) -> PlainWeights
  ) -> Plan.Place {
    let (slot, isNew) = store.slot(node: node, role: role, layout: layout)
    if isNew {
      tasks.append(
        WeightStore.Task(slot: slot, node: node, name: graph.nodes[node].name, plain: plain, fill: fill))
    }
    return .weights(slot)
  }

  private mutating func vector(
    _ node: Int, _ role: WeightStore.Role, _ kind: resect_argument, _ axes: [Int],
    _ fill: @escaping @Sendable () throws(ResectError) -> [Float]
  ) throws(ResectError) -> Plan.Argument {
    let layout = try Layout(axes, RESECT_F32, .plain)
    let place = weights(node, role, layout, plain: layout) { () throws(ResectError) in .floats(try fill()) }
    return Plan.Argument(kind: kind, layout: layout, place: place)
  }

  // MARK: Nodes

  private mutating func compile(_ index: Int) throws(ResectError) {
    let node = graph.nodes[index]
    let made = index + 1
    switch node.operation {
    case .convolution(let convolution): try compile(convolution, node, index)
    case .batchNorm(let norm): try compile(norm, node, index)
    // oneDNN leaves out what lies around the image.
    case .maxPool(let window) where window.seesZeros: try compileReference(node, index)
    case .maxPool(let window):
      let source = try form(of: node.inputs[0])
      let layer = try Layer.pool(
        node.name, window, of: shapes[node.inputs[0]], batch: batch, to: shapes[made], averages: false,
        source: source.layout)
      try append(layer, of: source, making: made, type: source.type, scale: source.scale)
    case .averagePool(let window):
      let source = try floatForm(of: node.inputs[0])
      let layer = try Layer.pool(
        node.name, window, of: shapes[node.inputs[0]], batch: batch, to: shapes[made], averages: true,
        source: source.layout)
      try append(layer, of: source, making: made, type: RESECT_F32)
    case .globalAveragePool:
      let source = try floatForm(of: node.inputs[0])
      let layer = try Layer.pool(
        node.name, nil, of: shapes[node.inputs[0]], batch: batch, to: shapes[made], averages: true,
        source: source.layout)
      try append(layer, of: source, making: made, type: RESECT_F32)
      try flatten(made)
    case .linear(let linear): try compile(linear, node, index)
    case .add(let relu):
      let first = try floatForm(of: node.inputs[0])
      let second = try brought(node.inputs[1], to: first.layout, RESECT_F32, scale: 1)
      let layer = try Layer.add(node.name, first.layout, second.layout, relu: relu)
      try append(
        layer, of: first,
        [Plan.Argument(kind: RESECT_SOURCE_2, layout: second.layout, place: second.place)], making: made,
        type: RESECT_F32)
    case .relu where shapes[made] != .vector(shapes[made].count):
      let source = try floatForm(of: node.inputs[0])
      let layer = try Layer.relu(node.name, source.layout)
      try append(layer, of: source, making: made, type: RESECT_F32)
    case .gate:
      let image = try floatForm(of: node.inputs[0])
      let vector = try plainForm(of: node.inputs[1])
      let factors = try Layout([batch, shapes[made].channels, 1, 1], RESECT_F32, .channelsLast)
      let layer = try Layer.multiply(node.name, image.layout, by: factors)
      try append(
        layer, of: image, [Plan.Argument(kind: RESECT_SOURCE_2, layout: factors, place: vector.place)], making: made,
        type: RESECT_F32)
    case .zeroPaddedShortcut, .sigmoid, .channelConvolution, .normalize, .relu:
      try compileReference(node, index)
    }
  }

  /// Makes sure that a vector that was pooled from an image lies row-major.
  private mutating func flatten(_ value: Program.ValueID) throws(ResectError) {
    let pooled = try form(of: value)
    let count = batch * shapes[value].count * 4
    let image = try Layout(axes(value) + [1, 1], RESECT_F32, .plain)
    var flat = pooled
    if pooled.layout.byteCount != count {
      // Channels were padded to a block.
      let layer = try Layer.reorder("value \(value)", from: pooled.layout, to: image)
      flat = Held(layout: image, type: RESECT_F32, scale: 1, place: .buffer(newBuffer(image.byteCount)))
      append(
        layer,
        [
          Plan.Argument(kind: RESECT_SOURCE, layout: pooled.layout, place: pooled.place),
          Plan.Argument(kind: RESECT_TARGET, layout: image, place: flat.place),
        ], completing: value, output: flat)
    }
    held[value] = [Held(layout: try plain(value), type: RESECT_F32, scale: 1, place: flat.place)]
  }

  /// A linear layer is a convolution of images of one pixel: unlike the library's own linear layers, whose sums depend on how
  /// many threads share them, those add in one order.
  private mutating func compile(
    _ linear: Program.Linear, _ node: Program.Node, _ index: Int
  ) throws(ResectError) {
    let axes = linear.weight.shape.axes
    let type = linearType
    let convolution = Program.Convolution(
      weight: linear.weight, bias: linear.bias, stride: 1, padding: .each(0), groups: 1, dilation: 1, adds: false,
      relu: false)
    var what = resect_convolution()
    what.batch = Int64(batch)
    (what.weights, what.target) = (type, RESECT_F32)
    what.describe(convolution, kernel: (1, 1), from: (axes[1], 1, 1), to: (axes[0], 1, 1))
    let layer = try Layer.convolution(
      node.name, what, scales: [], from: try pixel(axes[1], type), to: try pixel(axes[0], RESECT_F32))
    guard let wanted = layer.layout(of: RESECT_WEIGHTS) else {
      throw ResectError(.unsupported, "oneDNN's linear layer takes no weights")
    }
    let place = weights(index, .weight, wanted, plain: try Layout(axes + [1, 1], RESECT_F32, .plain)) {
      () throws(ResectError) in .floats(try linear.weight.finiteFloats("\(node.name).weight"))
    }
    var arguments = [Plan.Argument(kind: RESECT_WEIGHTS, layout: wanted, place: place)]
    if let bias = linear.bias {
      arguments.append(
        try vector(index, .bias, RESECT_BIAS, [axes[0]]) { () throws(ResectError) in
          try bias.finiteFloats("\(node.name).bias")
        })
    }
    let source = try pixelForm(of: node.inputs[0], type)
    try append(layer, of: source, arguments, making: index + 1, type: RESECT_F32)
    let made = try form(of: index + 1)
    held[index + 1] = [Held(layout: try plain(index + 1), type: RESECT_F32, scale: 1, place: made.place)]
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
  private mutating func pixelForm(of value: Program.ValueID, _ type: resect_type) throws(ResectError) -> Held {
    let vector = try plainForm(of: value)
    let channels = shapes[value].channels
    let image = Held(layout: try pixel(channels, RESECT_F32), type: RESECT_F32, scale: 1, place: vector.place)
    guard type != RESECT_F32 else { return image }
    let layout = try pixel(channels, type)
    return try reordered(image, to: layout, type, scale: 1, "value \(value)")
  }

  private mutating func compile(
    _ norm: Program.BatchNorm, _ node: Program.Node, _ index: Int
  ) throws(ResectError) {
    let source = try floatForm(of: node.inputs[0])
    let channels = norm.mean.shape.elementCount
    let layer = try Layer.batchNorm(node.name, source.layout, epsilon: norm.epsilon, relu: norm.relu)
    let name = node.name
    let arguments = [
      try vector(index, .mean, RESECT_MEAN, [channels]) { () throws(ResectError) in
        try norm.mean.finiteFloats("\(name).running_mean")
      },
      try vector(index, .variance, RESECT_VARIANCE, [channels]) { () throws(ResectError) in
        try norm.variances("\(name).running_var").map { Float($0) }
      },
      try vector(index, .scaleShift, RESECT_SCALE_SHIFT, [2, channels]) { () throws(ResectError) in
        let scale = try norm.weight?.finiteFloats("\(name).weight") ?? [Float](repeating: 1, count: channels)
        return scale + (try norm.bias?.finiteFloats("\(name).bias") ?? [Float](repeating: 0, count: channels))
      },
    ]
    try append(layer, of: source, arguments, making: index + 1, type: RESECT_F32)
  }

  /// A node that oneDNN has no layer for, by the reference kernel on plain floats.
  private mutating func compileReference(_ node: Program.Node, _ index: Int) throws(ResectError) {
    var inputs: [(Plan.Place, Program.ValueShape)] = []
    for input in node.inputs { inputs.append((try plainForm(of: input).place, shapes[input])) }
    let layout = try plain(index + 1)
    let made = Held(layout: layout, type: RESECT_F32, scale: 1, place: .buffer(newBuffer(layout.byteCount)))
    append(
      .reference(node, try Weights(of: node), inputs: inputs, output: (made.place, shapes[index + 1])),
      inputs.map(\.0) + [made.place], completing: index + 1, output: made)
    held[index + 1] = [made]
  }

  private mutating func compile(
    _ convolution: Program.Convolution, _ node: Program.Node, _ index: Int
  ) throws(ResectError) {
    let made = index + 1
    let (sourceType, sourceScale) = try format(of: node.inputs[0])
    let (targetType, targetScale) = try format(of: made)
    var what = description(of: convolution, from: shapes[node.inputs[0]], to: shapes[made])
    what.target = targetType
    what.weights = precision == .int8 ? RESECT_S8 : precision == .bfloat16 ? RESECT_BF16 : RESECT_F32
    var scales: [Float] = []
    if precision == .int8 {
      scales = (quantized[index]?.scales ?? []).map { $0 * sourceScale / targetScale }
    }
    if convolution.adds {
      let added = try format(of: node.inputs[1])
      what.epilogue.add_type = added.type
      what.epilogue.add_scale = added.scale / targetScale
    }
    let order: Layout.Order = precision == .int8 ? .channelsLast : .any
    let wantedSource = try Layout(axes(node.inputs[0]), sourceType, order)
    let wantedTarget = try Layout(axes(made), targetType, order)
    let layer = try convolve(
      what, scales, wantedSource, wantedTarget, node.name, winograd: winograd && suitsWinograd(convolution))
    guard let sourceLayout = layer.layout(of: RESECT_SOURCE), let targetLayout = layer.layout(of: RESECT_TARGET),
      let weightLayout = layer.layout(of: RESECT_WEIGHTS)
    else { throw ResectError(.unsupported, "oneDNN's convolution lacks an argument at \(node.name)") }
    let source = try brought(node.inputs[0], to: sourceLayout, sourceType, scale: sourceScale)
    var arguments = [
      Plan.Argument(
        kind: RESECT_WEIGHTS, layout: weightLayout, place: try kernel(of: convolution, node, index, weightLayout))
    ]
    if let bias = convolution.bias {
      let divisors = precision == .int8 ? (quantized[index]?.scales ?? []).map { $0 * sourceScale } : []
      let name = node.name
      arguments.append(
        try vector(index, .bias, RESECT_BIAS, [bias.shape.elementCount]) { () throws(ResectError) in
          let numbers = try bias.finiteFloats("\(name).bias")
          return divisors.isEmpty ? numbers : zip(numbers, divisors).map { $0 / $1 }
        })
    }
    let place = convolution.adds ? try addend(node.inputs[1], to: targetLayout, at: index) : nil
    try append(layer, of: source, arguments, making: made, type: targetType, scale: targetScale, in: place)
  }

  /// The memory that holds what a convolution adds, in the order of its result, which takes its place.
  private mutating func addend(
    _ value: Program.ValueID, to target: Layout, at index: Int
  ) throws(ResectError) -> Plan.Place {
    let (type, scale) = try format(of: value)
    // Integers of either sign take the same place.
    let layout = precision == .int8 ? try Layout(axes(value), type, .channelsLast) : target
    let known = try brought(value, to: layout, type, scale: scale)
    if case .buffer = known.place, lastUses[value] == index { return known.place }
    let copied = Held(layout: layout, type: type, scale: scale, place: .buffer(newBuffer(layout.byteCount)))
    append(
      try Layer.reorder("value \(value)", from: layout, to: layout),
      [
        Plan.Argument(kind: RESECT_SOURCE, layout: layout, place: known.place),
        Plan.Argument(kind: RESECT_TARGET, layout: layout, place: copied.place),
      ], completing: nil, output: copied)
    return copied.place
  }

  private mutating func kernel(
    of convolution: Program.Convolution, _ node: Program.Node, _ index: Int, _ layout: Layout
  ) throws(ResectError) -> Plan.Place {
    var axes = convolution.weight.shape.axes
    let groups = convolution.groups
    if groups > 1 { axes = [groups, axes[0] / groups] + axes.dropFirst() }
    guard precision == .int8 else {
      let weight = convolution.weight
      let name = node.name
      // What lies above rounds to infinity.
      let limit = precision == .bfloat16 ? Float(sign: .plus, exponent: 127, significand: 2 - 0x1p-8) : .infinity
      return weights(index, .weight, layout, plain: try Layout(axes, RESECT_F32, .plain)) {
        () throws(ResectError) in .floats(try weight.finiteFloats("\(name).weight", below: limit))
      }
    }
    let integers = quantized[index]?.values ?? []
    return weights(index, .weight, layout, plain: try Layout(axes, RESECT_S8, .plain)) { .integers(integers) }
  }

  /// Whether Winograd's algorithm pays, and sums in an order that does not depend on the number of threads, which is so for
  /// one image. For wider layers it gains little, and transforming their weights takes longer than
  /// many forward passes.
  private func suitsWinograd(_ convolution: Program.Convolution) -> Bool {
    let axes = convolution.weight.shape.axes
    return precision == .float32 && batch == 1 && convolution.stride == 1 && convolution.groups == 1
      && convolution.dilation == 1
      && axes[2] == 3 && axes[3] == 3 && 64...256 ~= axes[0] && 64...256 ~= axes[1]
  }

  private func convolve(
    _ what: resect_convolution, _ scales: [Float], _ source: Layout, _ target: Layout, _ name: String, winograd: Bool
  ) throws(ResectError) -> Layer {
    func make(_ winograd: Bool) throws(ResectError) -> Layer {
      var what = what
      what.winograd = winograd
      return try Layer.convolution(name, what, scales: scales, from: source, to: target)
    }
    // Not every shape has the faster algorithm.
    if winograd, let layer = try? make(true) { return layer }
    return try make(false)
  }

  private func description(
    of convolution: Program.Convolution, from input: Program.ValueShape, to output: Program.ValueShape
  ) -> resect_convolution {
    var what = resect_convolution()
    guard case .image(let channels, let height, let width) = input,
      case .image(let outputs, let outputHeight, let outputWidth) = output
    else { return what }
    let axes = convolution.weight.shape.axes
    what.batch = Int64(batch)
    what.describe(
      convolution, kernel: (axes[2], axes[3]), from: (channels, height, width), to: (outputs, outputHeight, outputWidth)
    )
    return what
  }
}

extension resect_convolution {
  /// Takes over the extents of a convolution from an image to another, each channels, height and width.
  fileprivate mutating func describe(
    _ convolution: Program.Convolution, kernel: (Int, Int), from input: (Int, Int, Int), to output: (Int, Int, Int)
  ) {
    (channels, height, width) = (Int64(input.0), Int64(input.1), Int64(input.2))
    (outputs, output_height, output_width) = (Int64(output.0), Int64(output.1), Int64(output.2))
    (kernel_height, kernel_width) = (Int64(kernel.0), Int64(kernel.1))
    (stride, groups, dilation) = (
      Int64(convolution.stride), Int64(convolution.groups), Int64(convolution.dilation)
    )
    func around(_ length: Int, _ outputs: Int, _ kernel: Int) -> (Int64, Int64) {
      let span = (kernel - 1) * convolution.dilation + 1
      let before = convolution.padding.before(length, kernel: span, stride: convolution.stride)
      return (Int64(before), Int64((outputs - 1) * convolution.stride + span - length - before))
    }
    (padding_top, padding_bottom) = around(input.1, output.1, kernel.0)
    (padding_left, padding_right) = around(input.2, output.2, kernel.1)
    has_bias = convolution.bias != nil
    (epilogue.adds, epilogue.relu) = (convolution.adds, convolution.relu)
  }
}
