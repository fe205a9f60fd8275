import ResectGraphs
import ResectBytes
import ResectResNets
import ResectTestSupport
import Testing

@Suite struct PreprocessingTests {
  /// A value that uses every member, none of them as a preset does.
  private static let odd: Preprocessing? = try? Preprocessing(
    name: "odd \"name\"", resize: .exact(.init(width: 300, height: 1)), filter: .lanczos,
    crop: .init(width: 16384, height: 7), scale: 0.1 + 0.2, channelOrder: .grey, mean: [1.0 / 3], std: [-2.5e-7])

  // MARK: The value

  @Test(
    arguments: [
      ("torchvision", 1.0 / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
      ("cifar10", 1.0 / 255, [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]),
      ("cifar100", 1.0 / 255, [0.5070, 0.4865, 0.4409], [0.2673, 0.2564, 0.2761]),
      ("cifar-imagenet-statistics", 1.0 / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
      ("keras-caffe", 1, [103.939, 116.779, 123.68], [1, 1, 1]),
      ("keras-tf", 1 / 127.5, [1, 1, 1], [1, 1, 1]),
      ("none", 1, [0, 0, 0], [1, 1, 1]),
    ] as [(String, Double, [Double], [Double])])
  func `a preset has the published numbers`(name: String, scale: Double, mean: [Double], std: [Double]) throws {
    let preset = try #require(Preprocessing.named(name))
    #expect(preset.scale == scale)
    #expect(preset.mean == mean)
    #expect(preset.std == std)
    #expect(preset.channelOrder == (name == "keras-caffe" ? .bgr : .rgb))
  }

  @Test func `presets have names of their own, and others are none`() {
    #expect(Set(Preprocessing.presetNames).count == Preprocessing.presets.count)
    #expect(Preprocessing.presetNames.count == 7)
    #expect(Preprocessing.named("imagenet") == nil)
  }

  @Test(
    arguments: [
      (.shorterSide(0), nil, 1, [0], [1]), (.shorterSide(16385), nil, 1, [0], [1]),
      (.exact(.init(width: 1, height: -3)), nil, 1, [0], [1]),
      (.none, .init(width: 0, height: 1), 1, [0], [1]), (.none, .init(width: 1, height: .max), 1, [0], [1]),
      (.none, nil, 0, [0], [1]), (.none, nil, .nan, [0], [1]), (.none, nil, .infinity, [0], [1]),
      (.none, nil, 1e-60, [0], [1]), (.none, nil, 1, [.nan], [1]), (.none, nil, 1, [1e300], [1]),
      (.none, nil, 1, [0], [0]), (.none, nil, 1, [0], [.infinity]), (.none, nil, 1, [0], [1e-45]),
      (.none, nil, 1, [0, 0], [1]), (.none, nil, 1, [0], []), (.none, nil, 1, [], []),
    ] as [(Preprocessing.Resize, Preprocessing.Size?, Double, [Double], [Double])])
  func `what makes no sense is refused`(
    resize: Preprocessing.Resize, crop: Preprocessing.Size?, scale: Double, mean: [Double], std: [Double]
  ) {
    let code = refusal { () throws(ResectError) in
      try Preprocessing(
        resize: resize, crop: crop, scale: scale, channelOrder: .grey, mean: mean, std: std)
    }
    #expect(code == .badArgument)
  }

  @Test(arguments: [(1.0 / 255, 255), (1 / 127.5, 127.5), (1, 1), (0.5, 2), (0.7, nil)] as [(Double, Float?)])
  func `a scale that is a reciprocal divides`(scale: Double, divisor: Float?) throws {
    let preprocessing = try Preprocessing(scale: scale, channelOrder: .grey, mean: [0], std: [1])
    #expect(preprocessing.divisor == divisor)
  }

  @Test func `the description says every step on one line`() {
    #expect(
      Preprocessing.torchvision.description
        == "torchvision: shorter side 256 (bilinear), centre 224 × 224, rgb, pixels / 255.0, mean 0.485 0.456 0.406, std 0.229 0.224 0.225"
    )
    #expect(Preprocessing.none.description == "none: rgb, pixels / 1.0, mean 0.0 0.0 0.0, std 1.0 1.0 1.0")
  }

  // MARK: JSON

  @Test(arguments: Preprocessing.presets + [odd].compactMap(\.self))
  func `JSON reads back as the same value`(preprocessing: Preprocessing) throws {
    let bytes = preprocessing.json.compact
    #expect(try Preprocessing(json: JSON(parsing: bytes)) == preprocessing)
  }

  @Test func `the value that uses every member is one`() { #expect(Self.odd != nil) }

  @Test func `the JSON is that of the specification`() throws {
    #expect(
      String(decoding: Preprocessing.torchvision.json.compact, as: UTF8.self)
        == #"{"name":"torchvision","resize":{"shorterSide":256},"filter":"bilinear","crop":{"width":224,"height":224},"scale":0.00392156862745098,"channels":"rgb","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}"#
    )
  }

  private static let smallest =
    #"{"filter":"bilinear","scale":1,"channels":"grey","mean":[0],"std":[1]}"#

  @Test func `what may be absent may be absent, in any order`() throws {
    let expected = try Preprocessing(scale: 1, channelOrder: .grey, mean: [0], std: [1])
    #expect(try Preprocessing(json: JSON(parsing: Array(Self.smallest.utf8))) == expected)
    let turned = #"{"std":[1],"mean":[0],"channels":"grey","scale":1.0,"filter":"bilinear"}"#
    #expect(try Preprocessing(json: JSON(parsing: Array(turned.utf8))) == expected)
  }

  @Test(arguments: [
    ("\"filter\":\"bilinear\",", ""), ("\"bilinear\"", "\"nearest\""), ("\"bilinear\"", "1"),
    ("\"scale\":1,", ""), ("\"scale\":1", "\"scale\":\"1\""), ("\"scale\":1", "\"scale\":0"),
    ("\"scale\":1", "\"scale\":1e-200"), ("\"grey\"", "\"gray\""), ("\"grey\"", "\"rgb\""),
    ("\"channels\":\"grey\",", ""), ("[0]", "0"), ("[0]", "[\"0\"]"), ("[0]", "[0,0]"), ("[0]", "[]"),
    ("\"mean\":[0],", ""), ("[1]", "[0]"), ("[1]", "[1,null]"), ("{\"filter\"", "{\"name\":7,\"filter\""),
    ("{\"filter\"", "{\"corp\":{\"width\":1,\"height\":1},\"filter\""),
    ("{\"filter\"", "{\"crop\":null,\"filter\""), ("{\"filter\"", "{\"crop\":{\"width\":1},\"filter\""),
    ("{\"filter\"", "{\"crop\":{\"width\":1,\"height\":1.0},\"filter\""),
    ("{\"filter\"", "{\"crop\":{\"width\":1,\"height\":1,\"x\":1},\"filter\""),
    ("{\"filter\"", "{\"crop\":{\"width\":1,\"height\":9223372036854775807},\"filter\""),
    ("{\"filter\"", "{\"resize\":\"none\",\"filter\""), ("{\"filter\"", "{\"resize\":{},\"filter\""),
    ("{\"filter\"", "{\"resize\":{\"shorterSide\":-1},\"filter\""),
    ("{\"filter\"", "{\"resize\":{\"shorterSide\":8,\"width\":8,\"height\":8},\"filter\""),
  ])
  func `JSON that says something else is refused`(part: String, replacement: String) throws {
    #expect(Self.smallest.contains(part))
    let text = Self.smallest.replacing(part, with: replacement, maxReplacements: 1)
    let json = try JSON(parsing: Array(text.utf8))
    #expect(refusal { () throws(ResectError) in try Preprocessing(json: json) } == .malformed)
  }

  @Test func `JSON that is no object is refused`() {
    #expect(refusal { () throws(ResectError) in try Preprocessing(json: .string("torchvision")) } == .malformed)
  }
}
