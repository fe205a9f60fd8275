/// A file that a model was read from.
public struct SourceFile: Sendable {
  /// The open file.
  public let file: InputFile
  /// Its format, as `inspect` names it: `torch-zip`, `resect` and so on.
  public let format: String

  /// The file's name without its folder.
  public var name: String { file.path.split(separator: "/").last.map(String.init) ?? file.path }

  /// The warning that the file's name promises another digest than `sha256`, if it does.
  ///
  /// torchvision's downloads end in a hyphen and the first eight or more digits of their SHA-256, as `resnet18-5c106cde.pth`.
  public func digestWarning(_ sha256: String) -> String? {
    let stem = name.prefix { $0 != "." }
    guard let hyphen = stem.lastIndex(of: "-") else { return nil }
    let suffix = stem[stem.index(after: hyphen)...]
    guard (8...64).contains(suffix.utf8.count),
      suffix.utf8.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }),
      !sha256.hasPrefix(suffix)
    else { return nil }
    return
      "the file's name promises SHA-256 \(suffix)…, it is \(sha256): the file is damaged or was changed"
  }
}
