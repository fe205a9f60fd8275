internal import CResectOneDNN
internal import ResectBytes
internal import ResectGraphs
internal import ResectResNets
internal import ResectTensors

/// Makes a plan: chooses layers, inserts changes of layout, and asks the store for weights.
struct PlanCompiler {
  /// What a program computes with, whatever the size of the images.
  struct Setting: Sendable {
    let program: Program
    let precision: Precision
    /// The range of each value, where integers are computed with.
    let ranges: ActivationRanges?
    /// The convolutions' weights as integers, by step, where integers are computed with.
    let quantized: [Int: ScaledIntegers]
    let winograd: Bool
  }

  /// A value in one of the forms that it has been brought into.
  struct Held {
    let value: Graph.ValueID
    let layout: Layout
    let type: resect_type
    /// What a stored integer is multiplied by; 1 for floating point.
    let scale: Float
    let place: Plan.Place
  }

  let setting: Setting
  let store: WeightStore
  let batch: Int
  let threads: Int
  /// The value that is wanted.
  let wanted: Graph.ValueID
  /// The shape of each value of the program's graph.
  let shapes: [Graph.ValueShape]
  /// By step, whether the wanted value needs it.
  private let isNeeded: [Bool]
  /// By value, the one whose memory it may share: vectors and images that differ in nothing but the name.
  private let roots: [Graph.ValueID]
  /// By root, the last step that takes one of the values which may share its memory.
  private let lastUses: [Graph.ValueID: Int]
  private var held: [Graph.ValueID: [Held]] = [:]
  private var steps: [Plan.Step] = []
  private var buffers: [Plan.Buffer] = []
  private var layers: [Layer] = []
  private var tasks: [WeightStore.Task] = []
  /// The position of the step that is being compiled.
  private(set) var current = 0

  /// A compiler for a value of the program, of batches of `batch` images of `height` × `width`.
  init(
    _ setting: Setting, for value: Graph.ValueID, store: WeightStore, batch: Int, height: Int, width: Int, threads: Int
  ) throws(ResectError) {
    self.setting = setting
    self.store = store
    self.batch = batch
    self.threads = threads
    let program = setting.program
    wanted = program.twin(of: value)
    shapes = try program.graph.shapes(height: height, width: width)
    isNeeded = program.steps(neededFor: value)
    var roots = Array(shapes.indices)
    for step in program.steps {
      switch step.operation {
      case .flatten, .toImage: roots[step.output] = roots[step.inputs[0]]
      default: break
      }
    }
    var lastUses: [Graph.ValueID: Int] = [:]
    for (position, step) in program.steps.enumerated() where isNeeded[position] {
      for input in step.inputs { lastUses[roots[input]] = position }
    }
    lastUses[roots[wanted]] = program.steps.count
    self.roots = roots
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
      held[0] = [Held(value: 0, layout: try plain(0), type: RESECT_F32, scale: 1, place: .input)]
      for (position, step) in setting.program.steps.enumerated() where isNeeded[position] {
        current = position
        try compile(step)
      }
      var output = try plainForm(of: wanted)
      // What is handed out lies in memory of the plan's own.
      if case .input = output.place { output = try copied(output) }
      guard case .buffer(let buffer) = output.place else {
        throw ResectError(.badArgument, "the network computes nothing")
      }
      // The result is read after the last step.
      buffers[buffer].lifetime = buffers[buffer].lifetime.lowerBound...steps.count
      let plan = Plan(
        batch: batch, threads: threads, steps: steps, buffers: buffers, output: buffer,
        outputWidth: shapes[wanted].count)
      return (plan, tasks)
    } catch {
      store.remove(tasks.map(\.slot))
      throw error
    }
  }

  // MARK: Steps

  /// The step that is being compiled.
  var step: Program.Step { setting.program.steps[current] }

  private mutating func append(
    _ work: Plan.Work, _ arguments: [Plan.Argument], completing value: Graph.ValueID?, output: Held
  ) {
    for case .buffer(let buffer) in arguments.map(\.place) {
      buffers[buffer].lifetime = buffers[buffer].lifetime.lowerBound...steps.count
    }
    var produced: (buffer: Int, byteCount: Int, type: resect_type)?
    if case .buffer(let buffer) = output.place { produced = (buffer, output.layout.byteCount, output.type) }
    steps.append(Plan.Step(work: work, position: current, name: step.name, value: value, output: produced))
  }

  /// Adds a layer with its scratch memory. `output` is what it makes; `completing` says whether the value is made by that, or only
  /// brought into another form.
  mutating func append(
    _ layer: Layer, _ arguments: [Plan.Argument], making output: Held, completing: Bool = true
  ) {
    var arguments = arguments
    arguments.append(
      Plan.Argument(kind: RESECT_TARGET, layout: output.layout, place: output.place, value: output.value))
    if let scratch = layer.layout(of: RESECT_SCRATCH), scratch.byteCount > 0 {
      arguments.append(Plan.Argument(kind: RESECT_SCRATCH, layout: scratch, place: newPlace(scratch)))
    }
    layers.append(layer)
    append(.layer(layer, arguments), arguments, completing: completing ? output.value : nil, output: output)
  }

  /// Adds a layer that takes a value and makes another, in a new buffer unless `place` says where.
  @discardableResult mutating func append(
    _ layer: Layer, of source: Held, _ others: [Plan.Argument] = [], making value: Graph.ValueID,
    type: resect_type = RESECT_F32, scale: Float = 1, in place: Plan.Place? = nil, completing: Bool = true
  ) throws(ResectError) -> Held {
    guard let layout = layer.layout(of: RESECT_TARGET) else {
      throw ResectError(.unsupported, "oneDNN's \(layer.name) makes nothing")
    }
    let made = Held(
      value: value, layout: layout, type: type, scale: scale, place: place ?? newPlace(layout))
    append(layer, [argument(RESECT_SOURCE, source)] + others, making: made, completing: completing)
    held[value] = [made]
    return made
  }

  /// Adds the step that is being compiled by the reference kernel, on plain floats.
  mutating func compileReference() throws(ResectError) {
    let step = step
    var inputs: [Plan.Argument] = []
    for input in step.inputs { inputs.append(argument(RESECT_SOURCE, try plainForm(of: input))) }
    let layout = try plain(step.output)
    let made = Held(value: step.output, layout: layout, type: RESECT_F32, scale: 1, place: newPlace(layout))
    let output = argument(RESECT_TARGET, made)
    let kernels = ReferenceKernels<Float>(
      step, step.inputs.map { shapes[$0] }, shapes[step.output],
      try Weights(of: step, channels: shapes[step.output].channels))
    append(
      .reference(kernels, inputs: inputs, output: output), inputs + [output], completing: step.output, output: made)
    held[step.output] = [made]
  }

  /// A value in a form as a layer's argument.
  func argument(_ kind: resect_argument, _ form: Held) -> Plan.Argument {
    Plan.Argument(kind: kind, layout: form.layout, place: form.place, value: form.value)
  }

  /// A new buffer for a tensor of `layout`.
  mutating func newPlace(_ layout: Layout) -> Plan.Place {
    buffers.append(Plan.Buffer(byteCount: layout.byteCount, lifetime: steps.count...steps.count))
    return .buffer(buffers.count - 1)
  }

  // MARK: Values

  /// The axes of a value in memory, the batch first.
  func axes(_ value: Graph.ValueID) -> [Int] { [batch] + shapes[value].axes }

  func plain(_ value: Graph.ValueID) throws(ResectError) -> Layout { try Layout(axes(value), RESECT_F32, .plain) }

  /// Takes note of the form in which a value is.
  mutating func hold(_ form: Held) { held[form.value] = [form] }

  /// Whether nothing takes a value, or another that shares its memory, after the step that is being compiled.
  func isTakenLast(_ value: Graph.ValueID) -> Bool { lastUses[roots[value]] == current }

  /// The form in which a value was made.
  func form(of value: Graph.ValueID) throws(ResectError) -> Held {
    guard let first = held[value]?.first else { throw ResectError(.mismatch, "value \(value) is not there") }
    return first
  }

  /// A value in row-major floats.
  mutating func plainForm(of value: Graph.ValueID) throws(ResectError) -> Held {
    let form = try form(of: value)
    if shapes[value].isPerChannel, form.type == RESECT_F32, form.layout.byteCount == batch * shapes[value].count * 4 {
      // Axes of length 1 order nothing.
      return Held(value: value, layout: try plain(value), type: RESECT_F32, scale: 1, place: form.place)
    }
    return try brought(value, to: try plain(value), RESECT_F32, scale: 1)
  }

  /// A value as floats, in whatever order it has.
  mutating func floatForm(of value: Graph.ValueID) throws(ResectError) -> Held {
    let form = try form(of: value)
    guard form.type != RESECT_F32 else { return form }
    guard case .image = shapes[value] else { return try plainForm(of: value) }
    return try brought(value, to: try Layout(axes(value), RESECT_F32, .channelsLast), RESECT_F32, scale: 1)
  }

  /// A value in the layout `layout`, of `type` and `scale`.
  mutating func brought(
    _ value: Graph.ValueID, to layout: Layout, _ type: resect_type, scale: Float
  ) throws(ResectError) -> Held {
    if let known = held[value]?.first(where: { $0.layout == layout && $0.scale == scale }) { return known }
    var source = try form(of: value)
    if type == RESECT_S8 || type == RESECT_U8, source.type == RESECT_F32 {
      // Channels move and numbers are scaled each fast, but not both at once.
      source = try brought(value, to: try Layout(axes(value), RESECT_F32, .channelsLast), RESECT_F32, scale: 1)
    }
    let made = try reordered(source, to: layout, type, scale: scale)
    held[value, default: []].append(made)
    return made
  }

  /// What `source` holds, in the layout `layout`, of `type` and `scale`.
  mutating func reordered(
    _ source: Held, to layout: Layout, _ type: resect_type, scale: Float
  ) throws(ResectError) -> Held {
    let factor = source.scale / scale
    let layer = try Layer.reorder(
      "value \(source.value)", from: source.layout, to: layout, scales: factor == 1 ? [] : [factor])
    let made = Held(value: source.value, layout: layout, type: type, scale: scale, place: newPlace(layout))
    append(layer, [argument(RESECT_SOURCE, source)], making: made, completing: false)
    return made
  }

  /// The same in memory of its own.
  mutating func copied(_ source: Held) throws(ResectError) -> Held {
    try reordered(source, to: source.layout, source.type, scale: source.scale)
  }

  // MARK: Weights

  /// The place of a tensor of the step that is being compiled, which is filled before it runs.
  mutating func weights(
    _ role: WeightStore.Role, _ layout: Layout, plain: Layout,
    _ fill: @escaping @Sendable () throws(ResectError) -> PlainWeights
  ) -> Plan.Place {
    let (slot, isNew) = store.slot(position: current, role: role, layout: layout)
    if isNew {
      tasks.append(WeightStore.Task(slot: slot, position: current, name: step.name, plain: plain, fill: fill))
    }
    return .weights(slot)
  }

  /// A tensor of one or two axes as an argument.
  mutating func vector(
    _ role: WeightStore.Role, _ kind: resect_argument, _ axes: [Int],
    _ fill: @escaping @Sendable () throws(ResectError) -> [Float]
  ) throws(ResectError) -> Plan.Argument {
    let layout = try Layout(axes, RESECT_F32, .plain)
    let place = weights(role, layout, plain: layout) { () throws(ResectError) in .floats(try fill()) }
    return Plan.Argument(kind: kind, layout: layout, place: place)
  }
}
