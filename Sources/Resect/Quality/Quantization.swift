/// How the weights of a model will be quantised when it is written.
public struct Quantization: Sendable {
  /// What was asked for.
  public let goal: QualityGoal
  /// What running the network on the probes showed.
  public let measured: LogitError
  /// What the weights of each tensor are multiples of. All others keep every bit.
  public let steps: [ParameterPath: Double]

  /// The encoding that the writer takes, by the tree's names.
  var encoding: WeightEncoding {
    .quantized(
      steps: Dictionary(uniqueKeysWithValues: steps.map { (Convention.tree.name(of: $0.key), $0.value) }),
      rounding: .kernels)
  }

  /// What stands in the file. Steps, bits and noise of each layer stand with its tensor.
  var record: SurgeryRecord {
    let error =
      "relative error of the logits \(measured.relative.scientific(digits: 2)), largest \(measured.largest.scientific(digits: 2))"
    return SurgeryRecord(
      name: "quantize", parameters: goal.json,
      report: .object(["measured": measured.json, "tensors": .integer(steps.count)]),
      summary: "quantised the weights of \(steps.count) layers: \(error)")
  }
}

extension ResNet {
  /// The network with some of its tensors replaced, by their places.
  func replacing(_ replacements: [ParameterPath: LazyTensor]) -> ResNet {
    replacements.isEmpty ? self : mapTensors { replacements[$0.path] ?? $0.tensor }
  }

  /// The network as a file gives it back that holds multiples of these steps.
  func quantized(_ steps: [ParameterPath: Double]) -> ResNet {
    mapTensors { parameter in
      steps[parameter.path].map { parameter.tensor.multiples(of: $0, rounding: .kernels) } ?? parameter.tensor
    }
  }
}
