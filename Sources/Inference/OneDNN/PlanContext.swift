internal import ResectBytes
internal import CResectOneDNN
internal import ResectGraphs

/// Memory in which a plan runs: one forward pass at a time.
@safe final class PlanContext: @unchecked Sendable {
  private enum Bound {
    /// A layer and the position of the caller's memory among its arguments.
    case layer(LayerStep, input: Int?)
    case reference(ReferenceKernels<Float>, inputs: [Plan.Argument], output: Plan.Argument)
  }

  private let plan: Plan
  private let arena: AlignedMemory
  private var steps: [Bound] = []

  /// Memory for `plan`, whose weights are in place.
  convenience init(_ plan: Plan) throws(ResectError) {
    try self.init(arenaFor: plan)
    for step in plan.steps { steps.append(try bound(step)) }
  }

  private init(arenaFor plan: Plan) throws(ResectError) {
    self.plan = plan
    arena = try AlignedMemory(byteCount: plan.arenaSize)
  }

  private func bound(_ step: Plan.Step) throws(ResectError) -> Bound {
    switch step.work {
    case .layer(let layer, let arguments):
      let bound = arguments.map { argument in
        unsafe LayerArgument(argument.kind, argument.layout, plan.pointer(to: argument.place, in: arena))
      }
      return .layer(try LayerStep(layer, bound), input: arguments.firstIndex { $0.place.isInput })
    case .reference(let kernels, let inputs, let output):
      return .reference(kernels, inputs: inputs, output: output)
    }
  }

  /// The result for `input` of a plan whose weights are not in place: they are read when their layer comes, and let go after it.
  static func streaming(
    _ plan: Plan, _ tasks: [WeightStore.Task], _ input: [Float]
  ) throws(ResectError) -> [Float] {
    let context = try PlanContext(arenaFor: plan)
    let tasks = Dictionary(grouping: tasks, by: \.position)
    resect_onednn_set_threads(Int32(plan.threads))
    return unsafe try context.withInput(input) { (input) throws(ResectError) in
      for (index, step) in plan.steps.enumerated() {
        let here = tasks[step.position] ?? []
        if index == 0 || plan.steps[index - 1].position != step.position {
          let (memory, starts) = try WeightStore.memory(for: here)
          for (task, start) in zip(here, starts) { try task.fill(memory, at: start) }
        }
        if case .layer(let layer, _) = step.work { try layer.build() }
        try unsafe context.run(context.bound(step), input)
        try context.checkOverflow(of: step)
        if index + 1 == plan.steps.count || plan.steps[index + 1].position != step.position {
          for task in here { task.slot.empty() }
        }
      }
    }
  }

  /// The result for `input`, row after row. `observe` is shown each value of the graph that lies in memory as floats.
  func run(
    _ input: [Float], observing observe: (Graph.ValueID, Span<Float>) -> Void = { _, _ in }
  ) throws(ResectError) -> [Float] {
    resect_onednn_set_threads(Int32(plan.threads))
    return unsafe try withInput(input) { (input) throws(ResectError) in
      for (index, step) in steps.enumerated() {
        try unsafe run(step, input)
        guard let value = plan.steps[index].value, let output = plan.steps[index].output else { continue }
        let floats = unsafe arena.pointer(at: plan.buffers[output.buffer].offset)
          .assumingMemoryBound(to: Float.self)
        unsafe observe(value, Span(_unsafeStart: floats, count: output.byteCount / 4))
      }
    }
  }

  /// Refuses floats that a step made too large: a ReLU behind it can make an ordinary number of what is none.
  private func checkOverflow(of step: Plan.Step) throws(ResectError) {
    guard step.value != nil, let output = step.output, output.type == RESECT_F32 else { return }
    let floats = unsafe arena.pointer(at: plan.buffers[output.buffer].offset).assumingMemoryBound(to: Float.self)
    let numbers = unsafe UnsafeBufferPointer(start: floats, count: output.byteCount / 4)
    guard unsafe !numbers.largestMagnitude.isFinite else { return }
    throw ResectError(
      .badValue, "what \(step.name) computes is not finite: the numbers grow beyond what float32 holds",
      advice: "look at the weights up to there")
  }

  /// Runs `steps` on `input`. Returns what lies in the place of the result then.
  private func withInput(
    _ input: [Float], _ steps: (UnsafeMutableRawBufferPointer) throws(ResectError) -> Void
  ) throws(ResectError) -> [Float] {
    var failure: ResectError?
    var input = input
    unsafe input.withUnsafeMutableBytes { input in
      do throws(ResectError) {
        try unsafe steps(input)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    let count = plan.batch * plan.outputWidth
    let result = unsafe arena.pointer(at: plan.buffers[plan.output].offset).assumingMemoryBound(to: Float.self)
    return unsafe Array(UnsafeBufferPointer(start: result, count: count))
  }

  private func run(_ step: Bound, _ input: UnsafeMutableRawBufferPointer) throws(ResectError) {
    switch step {
    case .layer(let layer, let position):
      if let position, let base = input.baseAddress { unsafe layer.set(position, to: base) }
      try layer.run()
    case .reference(let kernels, let inputs, let output):
      for element in 0..<plan.batch {
        let numbers = zip(inputs, kernels.shapes).map { taken, shape in
          unsafe floats(at: taken.place, shape, element, input: input.baseAddress)
        }
        let made = try kernels.run(numbers)
        guard let target = unsafe plan.pointer(to: output.place, in: arena) else { continue }
        unsafe made.withUnsafeBytes { bytes in
          guard let base = bytes.baseAddress else { return }
          unsafe (target + element * bytes.count).copyMemory(from: base, byteCount: bytes.count)
        }
      }
    }
  }

  /// The numbers of one element of the batch.
  private func floats(
    at place: Plan.Place, _ shape: Graph.ValueShape, _ element: Int, input: UnsafeMutableRawPointer?
  ) -> [Float] {
    guard let base = unsafe plan.pointer(to: place, in: arena) ?? input else { return [] }
    let numbers = unsafe (base + element * shape.count * 4).assumingMemoryBound(to: Float.self)
    return unsafe Array(UnsafeBufferPointer(start: numbers, count: shape.count))
  }
}

extension Plan.Place {
  var isInput: Bool { if case .input = self { true } else { false } }
}

extension Plan {
  /// Where a place is; absent for the caller's memory.
  func pointer(to place: Place, in arena: AlignedMemory) -> UnsafeMutableRawPointer? {
    switch place {
    case .buffer(let index): unsafe arena.pointer(at: buffers[index].offset)
    case .weights(let slot): unsafe slot.pointer
    case .input: nil
    }
  }
}
