internal import ResectBytes
internal import CResectOneDNN
internal import ResectGraphs
internal import ResectTensors

/// A graph compiled for one batch size and image size: layers in order, and where their memory lies.
final class Plan: Sendable {
  /// Where an argument of a step lies.
  enum Place: Sendable {
    /// In the arena, in the buffer of this number.
    case buffer(Int)
    /// Among the weights.
    case weights(WeightStore.Slot)
    /// In the caller's memory.
    case input
  }

  /// An argument of a layer.
  struct Argument: Sendable {
    let kind: resect_argument
    let layout: Layout
    let place: Place
    /// The value that lies there, in whatever form: before the step where it is taken, after it where it is made. Absent for weights
    /// and scratch memory.
    var value: Graph.ValueID?
  }

  /// What runs in a step.
  enum Work: Sendable {
    case layer(Layer, [Argument])
    /// A reference kernel on plain numbers, for what oneDNN has no layer for.
    case reference(ReferenceKernels<Float>, inputs: [Argument], output: Argument)
  }

  /// A step of the forward pass.
  struct Step: Sendable {
    let work: Work
    /// The position of the program's step that it belongs to, and its name.
    let position: Int
    let name: String
    /// The value of the graph that the step completes.
    let value: Graph.ValueID?
    /// The buffer and bytes that it lies in, and of which type its numbers are.
    let output: (buffer: Int, byteCount: Int, type: resect_type)?
  }

  /// A stretch of the arena.
  struct Buffer: Sendable {
    var byteCount: Int
    /// The first and the last step that uses it.
    var lifetime: ClosedRange<Int>
    var offset = 0
  }

  let batch: Int
  let threads: Int
  let steps: [Step]
  let buffers: [Buffer]
  let arenaSize: Int
  /// The buffer that the result lies in, row-major.
  let output: Int
  /// Numbers of the result for one element of the batch.
  let outputWidth: Int

  init(batch: Int, threads: Int, steps: [Step], buffers: [Buffer], output: Int, outputWidth: Int) {
    self.batch = batch
    self.threads = threads
    self.steps = steps
    self.output = output
    self.outputWidth = outputWidth
    (self.buffers, arenaSize) = Plan.placed(buffers)
  }

  /// Gives each buffer a place: the largest first, each at the lowest address where nothing lives at the same time.
  static func placed(_ buffers: [Buffer]) -> ([Buffer], Int) {
    var placed = buffers
    var done: [Int] = []
    var end = 0
    for index in buffers.indices.sorted(by: { (buffers[$0].byteCount, $1) > (buffers[$1].byteCount, $0) }) {
      let neighbours = done.filter { placed[$0].lifetime.overlaps(buffers[index].lifetime) }
        .sorted { placed[$0].offset < placed[$1].offset }
      var offset = 0
      for neighbour in neighbours {
        if offset + buffers[index].byteCount <= placed[neighbour].offset { break }
        offset = max(offset, (placed[neighbour].offset + placed[neighbour].byteCount + 63) & ~63)
      }
      placed[index].offset = offset
      end = max(end, offset + buffers[index].byteCount)
      done.append(index)
    }
    return (placed, end)
  }
}
