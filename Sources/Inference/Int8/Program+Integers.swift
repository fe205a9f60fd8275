internal import ResectBytes
package import ResectGraphs
package import ResectResNets
internal import ResectTensors
internal import Synchronization

extension Program {
  /// The values that convolutions take and make, in order: with 8-bit integers, their ranges have to be known.
  package var convolvedValues: [Graph.ValueID] {
    var values: Set<Graph.ValueID> = []
    for step in steps {
      guard case .convolution = step.operation else { continue }
      values.formUnion(step.inputs.map(numbers))
      values.insert(step.output)
    }
    return values.sorted()
  }

  /// The value whose numbers a value has, maybe in another order and shape.
  private func numbers(of value: Graph.ValueID) -> Graph.ValueID {
    var value = twin(of: value)
    while let position = maker(of: value) {
      switch steps[position].operation {
      case .flatten, .toImage: value = steps[position].inputs[0]
      default: return value
      }
    }
    return value
  }

  /// The range of a value, by its name or by that of the last node of its step, under which it is known where that did not run in one step
  /// with the first.
  func range(of value: Graph.ValueID, in ranges: ActivationRanges?) -> ActivationRanges.Range? {
    let value = numbers(of: value)
    return ranges?[graph.name(of: value)] ?? ranges?[name(of: value)]
  }

  /// The first value whose range is not among `ranges`, and the first range of no value; absent where all fit.
  package func misfit(of ranges: ActivationRanges) -> (missing: String?, stranger: String?) {
    var known: Set<String> = [name(of: 0)]
    for step in steps { known.formUnion([step.name, name(of: step.output), graph.name(of: step.output)]) }
    let missing = convolvedValues.lazy.filter { range(of: $0, in: ranges) == nil }.map { name(of: $0) }.min()
    return (missing, ranges.names.first { !known.contains($0) })
  }

  /// Every convolution's weights as integers, by step.
  func integerWeights() throws(ResectError) -> [Int: ScaledIntegers] {
    let all = Mutex<[Int: ScaledIntegers]>([:])
    try parallelForEach(count: steps.count) { index throws(ResectError) in
      guard case .convolution(let convolution) = steps[index].operation else { return }
      do throws(ResectError) {
        let made = try ScaledIntegers(convolution.weight)
        all.withLock { $0[index] = made }
      } catch {
        var error = error.located(tensor: "\(steps[index].name).weight")
        if error.code == .badValue { error.advice = .runInFloat32 }
        throw error
      }
    }
    return all.withLock { $0 }
  }
}
