extension Model {
  /// How the network differs from what the code builds and computes whose names its tensors are written by, in a file that such code
  /// loads; nothing for another model.
  var codeDifferences: [Convention.CodeDifference] {
    guard case .network(let network) = content else { return [] }
    let architecture = network.architecture
    let convention = convention.forWriting(network)
    return convention.differences(of: architecture)
  }

  /// Those of them that the file which was read did not have: who made that one has code of their own for the others.
  var newCodeDifferences: [Convention.CodeDifference] {
    let torch: [Checkpoint.Format] = [.torchZip, .torchStream, .torchTar, .safetensors]
    guard case .network(let network) = content, case .content(.network(let before)) = original, sources.count == 1,
      let format = sources.first.flatMap({ Checkpoint.Format(rawValue: $0.format) }), torch.contains(format),
      convention.forWriting(network).name == conventionOfFile
    else { return codeDifferences }
    let old = Set(convention.differences(of: before.architecture).map(\.subject))
    return codeDifferences.filter { !old.contains($0.subject) }
  }

  /// Refuses to write under the names of code that computes something else, or cannot load the file.
  func checkCode(_ format: OutputFormat, _ options: WriteOptions, _ path: String) throws(ResectError) {
    guard format == .torch || format == .safetensors, !options.allowsDifferentCode else { return }
    let differences = newCodeDifferences
    guard !differences.isEmpty, case .network(let network) = content else { return }
    let name = convention.forWriting(network).name
    let remedies = differences.compactMap(\.remedy) + ["a .resect file says what the network computes"]
    throw ResectError(
      .unsupported,
      "the code that names by \(name) would not compute what this network does, or not load it: \(differences.map(\.description).joined(separator: "; "))",
      advice:
        "\(remedies.joined(separator: "; ")); for code of your own under these names, --allow-different-code writes it",
      file: path)
  }

  /// What a person should know where the network is written under names whose code computes something else.
  var codeWarnings: [String] {
    guard case .network(let network) = content else { return [] }
    let convention = convention.forWriting(network)
    return convention.warnings(of: network.architecture).map {
      "the code that names by \(convention.name) differs: \($0.description)"
    }
  }
}
