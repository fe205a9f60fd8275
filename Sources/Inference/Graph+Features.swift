package import ResectGraphs

extension Graph {
  /// Whether vectors of features go in, and no images.
  package var takesFeatures: Bool { if case .features = input.kind { true } else { false } }
}
