extension Architecture {
  /// Refuses what layers of Keras do not do.
  func checkKerasGraph() throws(ResectError) {
    func refusal(_ what: String, _ advice: ResectError.Advice = "write .resect") -> ResectError {
      ResectError(.unsupported, "a graph of Keras' layers has no \(what)", advice: advice)
    }
    guard shortcut.isProjection else { throw refusal("zero-padded shortcuts") }
    guard attention == nil else { throw refusal("attention of this kind") }
    guard [.none, .linear].contains(head), !appendsConstantFeature else {
      throw refusal("head like this one's", "split the network into backbone and classes")
    }
    if case .batchNorm(_, let statistics) = normalization {
      guard statistics else { throw refusal("batch-norms without statistics") }
      guard epsilon.value != nil else {
        throw refusal("unknown eps: nobody says what the batch-norms add to the variance", .sayEpsilon)
      }
    }
    guard block == .basic || stridePlacement.value != .unknown else {
      throw refusal("unknown strides: nobody says which convolution of a bottleneck strides", .sayStride)
    }
    guard !isPreactivated || stem == .three || stemPooling != .symmetric || !absentNorms.contains(.stemNorm) else {
      throw refusal("pooling that leaves out what lies beyond the border, which counts where no ReLU precedes it")
    }
    guard !isPreactivated || stem != .deepWithConvolution else {
      throw refusal("pre-activated blocks behind a convolution in the place of pooling")
    }
    for (stage, blocks) in projections.enumerated() where !isPreactivated {
      for (block, projects) in blocks.enumerated() where !projects && stride(stage: stage + 1, block: block) > 1 {
        throw refusal("block that strides without a projection, as one of stage \(stage + 1)")
      }
    }
  }

  /// Whether Keras' layers do what the network does with its input: they leave channels where they are.
  var normalizesInKeras: Bool {
    guard let channels = inputNormalization?.channels else { return false }
    return channels == Array(0..<inputChannels)
  }
}
