internal import ResectBytes
internal import ResectGraphs
internal import ResectTensors

extension KerasGraphWriter {
  /// Adds a batch-norm with these weights, by Keras' names and in Keras' order.
  mutating func normalize(
    _ taken: Value, by tensors: [(name: String, tensor: LazyTensor?)], epsilon: Double, as name: String
  ) -> Value {
    let weights = weights(tensors.map { ($0.name, $0.tensor, nil) })
    return add(
      "BatchNormalization", name,
      [
        .init("axis", .integer(taken.isVector ? 1 : 3)), .init("epsilon", .number(epsilon)),
        .init("scale", .bool(weights.contains { $0.name == "gamma" })),
        .init("center", .bool(weights.contains { $0.name == "beta" })),
      ], of: taken, keeping: (.batchNormalization, weights))
  }

  /// Adds a scale and a shift: as settings where one is a single number or both are a description's constants, which are float64;
  /// else as a batch-norm of mean 0, variance 1 and eps 0.
  mutating func add(_ affine: Graph.ScaleShift, of taken: Value, as name: String) throws(ResectError) -> Value {
    let tensors = [affine.scale, affine.shift].compactMap(\.self)
    let isShared = tensors.contains { $0.shape.elementCount == 1 }
    guard let count = tensors.map(\.shape.elementCount).max() else { return add("Identity", name, of: taken) }
    if isShared || tensors.allSatisfy({ $0.dtype == .float64 }), count <= KerasGraphWriter.mostConstants {
      return rescale(
        taken, by: try affine.scale.map(numbers(of:)) ?? [1], adding: try affine.shift.map(numbers(of:)) ?? [0],
        as: name)
    }
    guard !isShared else { throw refusal("that scales or shifts \(count) channels by one number and not both") }
    func constant(_ value: Double) -> LazyTensor {
      LazyTensor(values: [Double](repeating: value, count: count), dtype: .float32)
    }
    return normalize(
      taken,
      by: [
        ("gamma", affine.scale), ("beta", affine.shift), ("moving_mean", constant(0)), ("moving_variance", constant(1)),
      ], epsilon: 0, as: name)
  }

  /// The most numbers that a layer has among its settings.
  private static let mostConstants = 4096

  /// Adds a layer that scales and shifts by one number, or by one for each channel.
  mutating func rescale(_ taken: Value, by scale: [Double], adding offset: [Double], as name: String) -> Value {
    func setting(_ numbers: [Double]) -> JSON {
      numbers.count == 1 ? .number(numbers[0]) : .array(numbers.map { .number($0) })
    }
    var result = add("Rescaling", name, [.init("scale", setting(scale)), .init("offset", setting(offset))], of: taken)
    result.isNonNegative = false
    return result
  }

  /// The numbers of a tensor that become settings.
  private func numbers(of tensor: LazyTensor) throws(ResectError) -> [Double] {
    let numbers = try tensor.doubles()
    guard numbers.allSatisfy(\.isFinite) else {
      throw ResectError(.badValue, "the layer scales or shifts by a number that is not finite")
    }
    return numbers
  }

  // MARK: The input

  /// Adds the layers that do what a network does with its pixels.
  mutating func normalize(
    _ taken: Value, by normalization: InputNormalization, at position: Int
  ) throws(ResectError) -> Value {
    let channels = Array(normalization.channels.indices)
    let turns = normalization.channels != channels
    guard !turns || normalization.channels == channels.reversed() else {
      throw refusal("that puts the channels of an image in the order \(normalization.channels)")
    }
    let centers = normalization.mean.contains { $0 != 0 } || normalization.std.contains { $0 != 1 }
    let scales = normalization.scale != 1
    var result = taken
    result.isNonNegative = false
    if turns {
      let name = scales || centers ? partName(at: position, "channels") : name(at: position)
      // As Keras says x[..., ::-1].
      let ellipsis = JSON.object(["class_name": .string("__ellipsis__"), "config": .object([JSON.Member]())])
      let backwards = JSON.object([
        "class_name": .string("__slice__"),
        "config": .object(["start": .null, "stop": .null, "step": .integer(-1)]),
      ])
      result = add(
        operation: "GetItem", of: "keras.src.ops.numpy", name, arguments: [.array([ellipsis, backwards])], to: result)
    }
    if scales {
      let name = centers ? preparationName(at: position, "scale") : name(at: position)
      result = rescale(result, by: [normalization.scale], adding: [0], as: name)
    }
    if centers { result = try standardize(result, by: normalization, as: name(at: position)) }
    return turns || scales || centers ? result : add("Identity", name(at: position), of: result)
  }

  private mutating func standardize(
    _ taken: Value, by normalization: InputNormalization, as name: String
  ) throws(ResectError) -> Value {
    let variances = normalization.std.map { $0 * $0 }
    // Keras takes the root of a float32, and nothing below 1e-7.
    guard normalization.std.allSatisfy({ $0 >= 1e-7 }), variances.allSatisfy({ Float($0).isNormal }) else {
      throw refusal("that divides by the standard deviations \(normalization.std)")
    }
    return add(
      "Normalization", name,
      [
        .init("axis", .array([.integer(-1)])), .init("mean", .array(normalization.mean.map { .number($0) })),
        .init("variance", .array(variances.map { .number($0) })),
      ], of: taken)
  }
}
