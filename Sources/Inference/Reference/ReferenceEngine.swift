internal import ResectBytes
internal import ResectGraphs

/// Runs a program with the reference kernels, pulling each step's weights when it comes to it.
struct ReferenceEngine<Scalar: BinaryFloatingPoint & Sendable> {
  let program: Program

  /// A value of the program's graph, for one element of a batch after the other.
  func run(_ batch: Batch, until value: Graph.ValueID) throws(ResectError) -> [[Scalar]] {
    let (height, width) = batch.extent
    let shapes = try program.graph.shapes(height: height, width: width)
    guard shapes[0] == batch.shape else {
      throw ResectError(.badArgument, "the network takes \(shapes[0]), the batch holds \(batch.shape)")
    }
    let isNeeded = program.steps(neededFor: value)
    var lastUses: [Graph.ValueID: Int] = [:]
    for (position, step) in program.steps.enumerated() where isNeeded[position] {
      for input in step.inputs { lastUses[input] = position }
    }
    let wanted = program.twin(of: value)
    var values: [Graph.ValueID: [[Scalar]]] = [:]
    let size = batch.shape.count
    values[0] = (0..<batch.count).map { index in
      batch.values[index * size..<(index + 1) * size].map { Scalar($0) }
    }
    for (position, step) in program.steps.enumerated() where isNeeded[position] {
      let shape = shapes[step.output]
      let weights = try Weights<Scalar>(of: step, channels: shape.channels)
      let inputShapes = step.inputs.map { shapes[$0] }
      var made: [[Scalar]] = []
      for element in 0..<batch.count {
        let taken = step.inputs.map { values[$0]?[element] ?? [] }
        made.append(try ReferenceKernels(step, inputShapes, shape, weights).run(taken))
      }
      values[step.output] = made
      for input in Set(step.inputs) where lastUses[input] == position && input != wanted { values[input] = nil }
    }
    return values[wanted] ?? []
  }
}
