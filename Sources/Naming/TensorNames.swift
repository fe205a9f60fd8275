internal import ResectResNets

/// What a framework calls the tensors of a module: what follows the module's name.
struct TensorNames: Sendable, Equatable {
  private struct Row: Sendable, Equatable {
    let suffix: String
    let kind: ParameterPath.Kind
    /// Whether it is a batch-norm's; absent where all modules say the same.
    let isNorm: Bool?
  }

  private let rows: [Row]

  /// torch's: a dot, then `weight`, `bias` and the batch-norm's buffers.
  static let torch = TensorNames(
    rows: ParameterPath.Kind.allCases.map { Row(suffix: ".\($0.rawValue)", kind: $0, isNorm: nil) })

  /// Caffe2's blobs: `_w` and `_b`, of a batch-norm `_s` and `_b`.
  static let caffe2 = TensorNames(rows: [
    Row(suffix: "_w", kind: .weight, isNorm: false), Row(suffix: "_s", kind: .weight, isNorm: true),
    Row(suffix: "_b", kind: .bias, isNorm: nil),
    Row(suffix: "_rm", kind: .runningMean, isNorm: true),
    Row(suffix: "_riv", kind: .runningVariance, isNorm: true),
  ])

  /// The place that a name means, if `module` knows what is left of it without the suffix.
  func split(
    _ name: [UInt8], module: (ArraySlice<UInt8>) -> ModulePath?
  ) -> ParameterPath? {
    for row in rows where name.count > row.suffix.utf8.count {
      let end = name.count - row.suffix.utf8.count
      guard name[end...].elementsEqual(row.suffix.utf8), let place = module(name[..<end]),
        row.isNorm ?? place.isNorm == place.isNorm
      else { continue }
      return ParameterPath(place, row.kind)
    }
    return nil
  }

  func suffix(of path: ParameterPath) -> String? {
    rows.first { $0.kind == path.kind && ($0.isNorm ?? path.module.isNorm) == path.module.isNorm }?
      .suffix
  }
}
