internal import Resect

extension ResectError.Advice {
  /// The advice in this program's flags, where it has some.
  var inFlags: String { ResectError.Advice.wording[code]?(facts) ?? text }

  /// What to do, in flags, by the library's codes.
  static let wording: [Code: @Sendable ([String: String]) -> String] = [
    .sayEpsilon: { _ in "--epsilon says it" },
    .sayStride: { facts in
      guard let stride = facts["stride"] else { return "--stride says it" }
      return "where the weights were trained so, say --stride \(stride)" + otherwise(facts)
    },
    .sayPreprocessing: { facts in
      facts["presets"].map { "give --preprocessing, a preset (\($0)) or a JSON file" } ?? "--preprocessing says it"
    },
    .sayMapping: { facts in
      facts["reason"].map { "\($0); --mapping FILE says what names mean" } ?? "--mapping FILE says which"
    },
    .sayFormat: { _ in "use one of them, or --to" },
    .chooseKey: { facts in facts["key"].map { "--key \($0) chooses the first" } ?? "--key names another part" },
    .allowUnexpected: { facts in
      facts["gives"].map { "--allow-unexpected leaves them out and reads the \($0)" }
        ?? "--allow-unexpected ignores what has no place"
    },
    .overwrite: { _ in "--force replaces it" },
    .skipProof: { _ in "--no-verify writes it without a proof" },
    .storeWider: { _ in "a wider --dtype, or --no-verify to write it without a proof" },
    .storeLossless: { _ in "--lossless loses nothing" },
    .storeLarger: { facts in
      facts["bytes"].map { "--target-size \($0) is about the smallest" } ?? "a larger --target-size"
    },
    .keepNames: { _ in "leave --convention out" },
    .runInFloat32: { _ in "--dtype f32 runs them as they are" },
    .foldBatchNorm: { _ in "--fold-bn folds them" },
    .keepBias: { _ in "--bias keep, or split the model before its weights are narrowed" },
    .normalizeInLayer: { _ in "without --fold they become a layer of their own" },
    .replaceHead: { _ in "--replace puts one in" },
    .labelClasses: { _ in "name classes by their indices, or give --labels" },
    .rebaseEpsilon: { facts in
      guard let epsilon = facts["epsilon"] else { return "resect epsilon IN OUT --to E makes up for it" }
      return "resect epsilon IN OUT --to \(epsilon) makes up for it" + otherwise(facts)
    },
  ]

  private static func otherwise(_ facts: [String: String]) -> String { facts["otherwise"].map { "; \($0)" } ?? "" }
}

extension ResectError {
  /// The same error, with its advice in this program's flags.
  var inFlags: ResectError {
    var worded = self
    worded.advice = advice.map { Advice($0.inFlags) }
    return worded
  }
}
