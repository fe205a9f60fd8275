internal import ResectBytes
internal import CResectOneDNN
internal import Synchronization
internal import ResectTensors

/// The weights of a network in the orders in which layers want them: made once, shared by all plans, and let go with the last
/// plan that takes them in an order.
final class WeightStore: Sendable {
  /// Which of a step's tensors.
  enum Role: Hashable, Sendable {
    case weight
    case bias
    case mean
    case variance
    case scaleShift
  }

  /// A tensor in the order that a layer wants. It is filled before the first layer runs on it, and only read then.
  final class Slot: Sendable {
    let layout: Layout
    private let place = Mutex<(memory: AlignedMemory, offset: Int)?>(nil)

    init(layout: Layout) { self.layout = layout }

    func lie(in memory: AlignedMemory, at offset: Int) {
      place.withLock { $0 = (memory, offset) }
    }

    /// Gives the memory back.
    func empty() { place.withLock { $0 = nil } }

    /// Where the tensor lies.
    var pointer: UnsafeMutableRawPointer? {
      unsafe place.withLock { place in unsafe place.map { unsafe $0.memory.pointer(at: $0.offset) } }
    }
  }

  /// A slot that is still empty, and what fills it with plain numbers.
  struct Task: Sendable {
    let slot: Slot
    let position: Int
    let name: String
    let plain: Layout
    let fill: @Sendable () throws(ResectError) -> PlainWeights
  }

  private struct Key: Hashable {
    let position: Int
    let role: Role
  }

  private struct Kept {
    weak var slot: Slot?
  }

  private let slots = Mutex<[Key: [Kept]]>([:])

  /// The slot for a tensor in `layout`, and whether it is new and has to be filled.
  func slot(position: Int, role: Role, layout: Layout) -> (slot: Slot, isNew: Bool) {
    slots.withLock { slots in
      let key = Key(position: position, role: role)
      let kept = (slots[key] ?? []).filter { $0.slot != nil }
      if let known = kept.lazy.compactMap(\.slot).first(where: { $0.layout == layout }) { return (known, false) }
      let slot = Slot(layout: layout)
      slots[key] = kept + [Kept(slot: slot)]
      return (slot, true)
    }
  }

  /// Forgets slots that could not be filled.
  func remove(_ unfilled: [Slot]) {
    slots.withLock { slots in
      for (key, kept) in slots { slots[key] = kept.filter { kept in !unfilled.contains { $0 === kept.slot } } }
    }
  }

  /// Fills the slots of `tasks` and builds `layers`, on all cores.
  func fill(_ tasks: [Task], building layers: [Layer], threads: Int) throws(ResectError) {
    let (memory, starts) = try WeightStore.memory(for: tasks)
    do throws(ResectError) {
      // Generating code takes longest for the last layers and reading for the largest: both are handed out in order.
      try parallelForEach(count: layers.count + tasks.count) { index throws(ResectError) in
        guard index >= layers.count else {
          resect_onednn_set_threads(Int32(threads))
          return try layers[index].build()
        }
        resect_onednn_set_threads(1)
        let task = tasks[index - layers.count]
        try task.fill(memory, at: starts[index - layers.count])
      }
    } catch {
      remove(tasks.map(\.slot))
      throw error
    }
  }

  /// Memory for the slots of `tasks`, and where in it each one lies.
  static func memory(for tasks: [Task]) throws(ResectError) -> (memory: AlignedMemory, starts: [Int]) {
    var starts: [Int] = []
    var end = 0
    for task in tasks {
      starts.append(end)
      end += (task.slot.layout.byteCount + 63) & ~63
    }
    return (try AlignedMemory(byteCount: end), starts)
  }
}

/// A tensor in row-major order, as a layer's weights begin.
enum PlainWeights: Sendable {
  case floats([Float])
  case integers([Int8])
}

extension WeightStore.Task {
  /// Fills the slot with memory that begins at `offset`.
  func fill(_ memory: AlignedMemory, at offset: Int) throws(ResectError) {
    try unsafe write(to: memory.pointer(at: offset))
    slot.lie(in: memory, at: offset)
  }

  /// Puts the numbers into the layer's order at `target`.
  private func write(to target: UnsafeMutableRawPointer) throws(ResectError) {
    switch try fill() {
    case .floats(var numbers): try unsafe write(&numbers, to: target)
    case .integers(var numbers): try unsafe write(&numbers, to: target)
    }
  }

  private func write<Number: BitwiseCopyable>(
    _ numbers: inout [Number], to target: UnsafeMutableRawPointer
  ) throws(ResectError) {
    var failure: ResectError?
    unsafe numbers.withUnsafeMutableBytes { source in
      do throws(ResectError) {
        try unsafe write(source, to: target)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  private func write(
    _ source: UnsafeMutableRawBufferPointer, to target: UnsafeMutableRawPointer
  ) throws(ResectError) {
    guard let base = source.baseAddress else { return }
    guard plain != slot.layout else {
      return unsafe target.copyMemory(from: base, byteCount: source.count)
    }
    let reorder = try Layer.reorder(name, from: plain, to: slot.layout)
    try reorder.build()
    var arguments = [
      unsafe LayerArgument(RESECT_SOURCE, plain, base),
      unsafe LayerArgument(RESECT_TARGET, slot.layout, target),
    ]
    let scratch = reorder.layout(of: RESECT_SCRATCH)
    let memory = try AlignedMemory(byteCount: scratch?.byteCount ?? 0)
    if let scratch { unsafe arguments.append(LayerArgument(RESECT_SCRATCH, scratch, memory.pointer(at: 0))) }
    try LayerStep(reorder, arguments).run()
  }
}
