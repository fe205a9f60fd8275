internal import ResectBytes
internal import Synchronization
internal import ResectTensors

extension Graph {
  /// The name of what the first convolution takes: the input, or what is made of it by normalising.
  public static let inputName = "input"

  /// The name of a value: that of the module that makes it.
  public func name(of value: ValueID) -> String {
    if value > 0 { return nodes[value - 1].name }
    return inputNormalization == nil ? Graph.inputName : "pixels"
  }

  /// The values that convolutions take and make, in order: with 8-bit integers, their ranges have to be known.
  public var convolvedValues: [ValueID] {
    var values: Set<ValueID> = []
    for (index, node) in nodes.enumerated() {
      if case .convolution = node.operation { values.formUnion(node.inputs + [index + 1]) }
    }
    return values.sorted()
  }

  /// Every convolution's weights as integers, by node.
  func integerWeights() throws(ResectError) -> [Int: ScaledIntegers] {
    let all = Mutex<[Int: ScaledIntegers]>([:])
    try parallelForEach(count: nodes.count) { index throws(ResectError) in
      guard case .convolution(let convolution) = nodes[index].operation else { return }
      do throws(ResectError) {
        let made = try ScaledIntegers(convolution.weight)
        all.withLock { $0[index] = made }
      } catch {
        var error = error.located(tensor: nodes[index].name)
        if error.code == .badValue { error.advice = .runInFloat32 }
        throw error
      }
    }
    return all.withLock { $0 }
  }
}
