public import ResectBytes

/// What a surgery was asked to do and what it found: part of the output's provenance.
public struct SurgeryRecord: Sendable, Hashable {
  /// The surgery's name, as on the command line.
  public let name: String
  /// What it was told, by the names of its options.
  public let parameters: JSON
  /// What it found and did.
  public let report: JSON
  /// What a person should know: each a sentence.
  public let warnings: [String]
  /// What it did, in one line.
  public let summary: String

  /// A record.
  public init(
    name: String, parameters: JSON = .object([]), report: JSON, warnings: [String] = [],
    summary: String
  ) {
    self.name = name
    self.parameters = parameters
    self.report = report
    self.warnings = warnings
    self.summary = summary
  }

  /// The record as it stands in a file: without the texts for people.
  public var json: JSON {
    .object(["surgery": .string(name), "parameters": parameters, "report": report])
  }
}
