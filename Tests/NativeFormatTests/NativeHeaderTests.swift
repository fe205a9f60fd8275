import ResectBytes
import ResectResNets
import ResectTestSupport
import Testing

@testable import ResectNativeFormat

@Suite struct NativeHeaderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ assembly: HandAssembly) throws -> NativeFile {
    try NativeFile(InputFile(path: folder.write(assembly.bytes, as: "file.resect")))
  }

  private func error(_ assembly: HandAssembly) throws -> ResectError? {
    do {
      _ = try open(assembly)
      return nil
    } catch let error as ResectError {
      return error
    }
  }

  // MARK: What is read

  @Test func `every member is read`() throws {
    let header = try open(.classes()).header
    guard case .classes(hasConstantFeature: false) = header.kind else {
      Issue.record("found \(header.kind)")
      return
    }
    #expect(header.convention == "torchvision")
    #expect(header.labels == ["cat", "dog"])
    #expect(header.preprocessing == .unknown)
    #expect(
      header.provenance
        == Provenance(sources: [.init(name: "a.pth", format: "torch-zip", sha256: "00ff")]))
  }

  @Test func `only the kind, the provenance and the tensors are needed`() throws {
    let header = try open(.classes(members: #""kind":"classes","#)).header
    #expect(header.convention == nil)
    #expect(header.labels == nil)
    guard case .classes(hasConstantFeature: false) = header.kind else {
      Issue.record("found \(header.kind)")
      return
    }
  }

  @Test func `members that are not known are passed over`() throws {
    let entry = HandAssembly.weightEntry.dropLast() + #","later":[1,{"a":2}]}"#
    let assembly = HandAssembly.classes(
      members: #""kind":"classes","later":{"a":[]},"#,
      provenance: #""provenance":{"sources":[],"surgeries":[{"surgery":"x"}],"later":1}"#,
      tensors: "[\(entry),\(HandAssembly.biasEntry)]")
    #expect(try open(assembly).tensors.map(\.name) == ["classifier.weight", "classifier.bias"])
  }

  @Test func `members may stand in any order and with spaces`() throws {
    let assembly = HandAssembly(
      payloads: [],
      header: """
        { "tensors": [ ],
          "provenance": { "surgeries": [], "sources": [] },
          "kind": "classes", "constantFeature": true }
        """)
    guard case .classes(hasConstantFeature: true) = try open(assembly).header.kind else {
      Issue.record("the members were not found")
      return
    }
  }

  // MARK: Refusals of the header

  @Test(
    arguments: [
      ("not JSON", "hello"), ("empty", ""), ("an array", "[]"), ("a string", "\"kind\""),
      ("text after it", "{}{}"), ("a NUL after it", "{}\u{0}"),
    ])
  func `a header that is no object is refused`(name: String, header: String) throws {
    #expect(try error(HandAssembly(payloads: [], header: header))?.code == .malformed)
  }

  @Test(
    arguments: [
      #""convention":"a","#, #""kind":"","#, #""kind":"later","#, #""kind":1,"#, #""kind":["classes"],"#,
      #""kind":"Classes","#, #""kind":"network","#, #""kind":"backbone","#,
      #""kind":"network","architecture":null,"#, #""kind":"network","architecture":{},"#,
      #""kind":"classes","labels":"cat","#, #""kind":"classes","labels":[1],"#,
      #""kind":"classes","labels":["cat",null],"#, #""kind":"classes","labels":{},"#,
      #""kind":"classes","constantFeature":"yes","#, #""kind":"classes","constantFeature":1,"#,
      #""kind":"classes","convention":7,"#, #""kind":"classes","kind":"network","#,
    ])
  func `a member that is missing or of the wrong kind is refused`(members: String) throws {
    let error = try error(.classes(members: members))
    #expect(error?.code == .malformed)
    #expect(error?.file == folder.file("file.resect"))
  }

  @Test(
    arguments: [
      #""other":1"#, #""provenance":null"#, #""provenance":[]"#, #""provenance":{"sources":[]}"#,
      #""provenance":{"surgeries":[]}"#, #""provenance":{"sources":{},"surgeries":[]}"#,
      #""provenance":{"sources":[{"name":"a","format":"b"}],"surgeries":[]}"#,
      #""provenance":{"sources":[{"name":"a","sha256":"b"}],"surgeries":[]}"#,
      #""provenance":{"sources":[{"format":"a","sha256":"b"}],"surgeries":[]}"#,
      #""provenance":{"sources":[{"name":1,"format":"a","sha256":"b"}],"surgeries":[]}"#,
      #""provenance":{"sources":["a"],"surgeries":[]}"#,
    ])
  func `a damaged provenance is refused`(provenance: String) throws {
    #expect(try error(.classes(provenance: provenance))?.code == .malformed)
  }

  @Test(arguments: ["null", "{}", "\"\"", "[1]", "[[]]", "[null]"])
  func `tensors that are no list of objects are refused`(tensors: String) throws {
    #expect(try error(.classes(tensors: tensors))?.code == .malformed)
  }

  @Test func `a header without tensors is refused`() throws {
    let assembly = HandAssembly(
      payloads: [], header: "{\"kind\":\"classes\",\(HandAssembly.provenance)}")
    #expect(try error(assembly)?.code == .malformed)
  }

  @Test func `more tensors than the limit are refused`() throws {
    let zeros = String(repeating: "0,", count: Limits.tensors) + "0"
    #expect(try error(.classes(tensors: "[\(zeros)]"))?.code == .malformed)
  }

  // MARK: Refusals of a tensor's entry

  /// `entry` with one piece of its text replaced.
  private func refusal(replacing old: String, by new: String) throws -> ResectError? {
    let entry = HandAssembly.weightEntry
    let parts = entry.split(separator: old, omittingEmptySubsequences: false)
    #expect(parts.count == 2, "\(old) stands once")
    return try error(.tensors(parts.joined(separator: new), HandAssembly.biasEntry))
  }

  @Test(
    arguments: [
      (#""dtype":"F32""#, #""dtype":"f32""#), (#""dtype":"F32""#, #""dtype":"F4""#),
      (#""dtype":"F32""#, #""dtype":1"#), (#""dtype":"F32","#, ""),
      (#""shape":[2,3]"#, #""shape":6"#), (#""shape":[2,3]"#, #""shape":[2,3.0]"#),
      (#""shape":[2,3]"#, #""shape":[2,"3"]"#), (#""shape":[2,3]"#, #""shape":[-2,-3]"#),
      (#""shape":[2,3]"#, #""shape":[-6]"#), (#""shape":[2,3]"#, #""shape":[4611686018427387904,4]"#),
      (#""shape":[2,3]"#, #""shape":[9223372036854775807]"#),
      (#""shape":[2,3]"#, #""shape":[9223372036854775808]"#), (#""shape":[2,3]"#, #""shape":[1e1]"#),
      (#""shape":[2,3],"#, ""), (#""shape":[2,3]"#, #""shape":[2,2]"#), (#""shape":[2,3]"#, #""shape":[7]"#),
      (#""shape":[2,3]"#, #""shape":[]"#), (#""shape":[2,3]"#, #""shape":[0]"#),
      (#""dtype":"F32""#, #""dtype":"F16""#), (#""dtype":"F32""#, #""dtype":"F64""#),
      (#""offset":64"#, #""offset":-64"#), (#""offset":64"#, #""offset":64.0"#),
      (#""offset":64"#, #""offset":"64""#), (#""offset":64,"#, ""),
      (#""length":24"#, #""length":-24"#), (#""length":24"#, #""length":24.0"#),
      (#""length":24"#, #""length":23"#), (#""length":24"#, #""length":25"#),
      (#""length":24"#, #""length":64"#), (#""length":24,"#, ""),
      (#""crc32":""#, #""crc32":"0"#), (#""crc32":""#, #""crc":""#), (#""crc32":""#, #""crc32":"+"#),
    ])
  func `a damaged entry is refused by the tensor's name`(old: String, new: String) throws {
    let error = try refusal(replacing: old, by: new)
    #expect(error?.code == .malformed)
    #expect(error?.tensor == "classifier.weight")
  }

  @Test(arguments: ["0000000", "000000000", "0000000G", "+0000001", "ABCDEF01", "0x123456", " 1234567", ""])
  func `a checksum is eight lower-case hexadecimal digits`(digits: String) throws {
    let right = HandAssembly.digits(HandAssembly.crc32(HandAssembly.weight))
    #expect(try refusal(replacing: right, by: digits)?.code == .malformed)
  }

  @Test(arguments: [#""encoding":1"#, #""coding":"raw""#])
  func `an entry without the word of an encoding is damaged`(encoding: String) throws {
    #expect(try refusal(replacing: #""encoding":"raw""#, by: encoding)?.code == .malformed)
  }

  @Test(arguments: [#""encoding":"zstd""#, #""encoding":"""#])
  func `an encoding that is not known is refused as unsupported`(encoding: String) throws {
    #expect(try refusal(replacing: #""encoding":"raw""#, by: encoding)?.code == .unsupported)
  }

  @Test func `a tensor without a name is refused`() throws {
    #expect(try refusal(replacing: #""name":"classifier.weight","#, by: "")?.code == .malformed)
    #expect(try refusal(replacing: #""name":"classifier.weight""#, by: #""name":1"#)?.code == .malformed)
  }

  @Test func `a rank over the limit is refused`() throws {
    let axes = (["2", "3"] + [String](repeating: "1", count: Limits.rank - 1)).joined(separator: ",")
    #expect(try refusal(replacing: "[2,3]", by: "[\(axes)]")?.code == .limit)
  }

  // MARK: Architectures

  @Test(arguments: TinyNetwork.architectures)
  func `an architecture reads back as it was written`(architecture: Architecture) throws {
    let header = NativeHeader(
      kind: architecture.head == .none ? .backbone(architecture) : .network(architecture),
      convention: nil, labels: nil, preprocessing: .init(.kerasCaffe, from: .option),
      provenance: Provenance(surgeries: [.object(["surgery": .string("fold-bn")])]))
    let read = try NativeHeader(json: JSON(parsing: header.json(tensors: []).compact), tensors: [])
    switch (header.kind, read.kind) {
    case (.network(let before), .network(let after)), (.backbone(let before), .backbone(let after)):
      #expect(before == after)
    default: Issue.record("found \(read.kind)")
    }
    #expect(read.preprocessing == header.preprocessing)
    #expect(read.provenance == header.provenance)
  }

  /// The header of a network with this preprocessing, read.
  private func header(preprocessing: [JSON.Member]) throws(ResectError) -> NativeHeader {
    let plain = NativeHeader(
      kind: .network(TinyNetwork.architecture), convention: nil, labels: nil, preprocessing: .unknown,
      provenance: Provenance())
    return try NativeHeader(json: .object((plain.json(tensors: []).members ?? []) + preprocessing), tensors: [])
  }

  @Test func `preprocessing is read with its source`() throws {
    let json = Preprocessing.cifar10.json
    #expect(try header(preprocessing: []).preprocessing == .unknown)
    #expect(
      try header(preprocessing: [.init("preprocessing", json)]).preprocessing == .init(.cifar10, from: .none))
    let sourced = [JSON.Member("preprocessing", json), .init("preprocessingSource", .string("convention x"))]
    #expect(try header(preprocessing: sourced).preprocessing == .init(.cifar10, from: .convention("x")))
  }

  @Test(arguments: [.null, .string("torchvision"), .object([]), .object(["later": .number(0.5)])] as [JSON])
  func `preprocessing that is not understood is refused`(json: JSON) {
    let error = #expect(throws: ResectError.self) {
      try header(preprocessing: [.init("preprocessing", json)])
    }
    #expect(error?.code == .malformed)
  }

  @Test func `ranges of activations are read, and refused where they are none`() throws {
    func header(_ calibration: String) throws(ResectError) -> NativeHeader {
      let plain = NativeHeader(
        kind: .network(TinyNetwork.architecture), convention: nil, labels: nil, preprocessing: .unknown,
        provenance: Provenance())
      let member = JSON.Member("calibration", try JSON(parsing: Array(calibration.utf8)))
      return try NativeHeader(json: .object((plain.json(tensors: []).members ?? []) + [member]), tensors: [])
    }
    let ranges = try header(#"{"source":"probes","ranges":{"input":[-1,2.5]}}"#).calibration
    #expect(ranges?.source == .probes)
    #expect(ranges?["input"] == .init(low: -1, high: 2.5))
    for wrong in ["null", "[]", #"{"source":"probes"}"#, #"{"source":"probes","ranges":{"input":[1e999,0]}}"#] {
      #expect(#expect(throws: ResectError.self) { try header(wrong) }?.code == .malformed, "\(wrong)")
    }
  }

  @Test func `the members of the header stand in the order of the specification`() throws {
    let header = NativeHeader(
      kind: .network(TinyNetwork.architecture), convention: "torchvision", labels: ["a"],
      preprocessing: .init(.torchvision, from: .convention("torchvision")), provenance: Provenance())
    let json = header.json(tensors: [])
    #expect(
      json.members?.map(\.name) == [
        "kind", "convention", "architecture", "labels", "preprocessing", "preprocessingSource",
        "provenance", "tensors",
      ])
    #expect(json["kind"] == .string("network"))
    #expect(json["provenance"] == .object(["sources": .array([]), "surgeries": .array([])]))
  }
}
