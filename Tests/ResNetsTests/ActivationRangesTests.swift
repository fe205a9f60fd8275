import ResectGraphs
import ResectBytes
import ResectResNets
import Testing

@Suite struct ActivationRangesTests {
  private func read(_ text: String) throws(ResectError) -> ActivationRanges {
    try ActivationRanges(json: JSON(parsing: Array(text.utf8)))
  }

  @Test func `the end of a range is 255 without a sign and 127 with one`() {
    #expect(ActivationRanges.Range(low: 0, high: 510).scale == 2)
    #expect(ActivationRanges.Range(low: -254, high: 3).scale == 2)
    #expect(ActivationRanges.Range(low: -1, high: 381).scale == 3)
    #expect(ActivationRanges.Range(low: 0, high: 0).scale == 1)
    #expect(ActivationRanges.Range(low: 0, high: 0x1p-140).scale == 1)
  }

  @Test func `ranges read back as they were written, by name`() throws {
    var ranges = ActivationRanges(from: .batchNorms)
    ranges["stem.conv"] = .init(low: 0, high: 0.1)
    ranges["input"] = .init(low: -2.5, high: 0)
    #expect(
      String(decoding: ranges.json.compact, as: UTF8.self)
        == #"{"source":"batch-norms","ranges":{"input":[-2.5,0.0],"stem.conv":[0.0,0.10000000149011612]}}"#)
    #expect(try ActivationRanges(json: ranges.json) == ranges)
  }

  @Test(arguments: [
    "{}", #"{"source":"guess","ranges":{}}"#, #"{"source":1,"ranges":{}}"#, #"{"source":"probes"}"#,
    #"{"source":"probes","ranges":[]}"#, #"{"source":"probes","ranges":{"input":1}}"#,
    #"{"source":"probes","ranges":{"input":[]}}"#, #"{"source":"probes","ranges":{"input":[0]}}"#,
    #"{"source":"probes","ranges":{"input":[0,1,2]}}"#, #"{"source":"probes","ranges":{"input":[0,"1"]}}"#,
    #"{"source":"probes","ranges":{"input":[0,1,null]}}"#, #"{"source":"probes","ranges":{"input":[0,1e39]}}"#,
    #"{"source":"probes","ranges":{"input":[-1e39,1]}}"#, #"{"source":"probes","ranges":{"input":[0.5,1]}}"#,
    #"{"source":"probes","ranges":{"input":[-2,-1]}}"#,
  ])
  func `a calibration that is not two finite numbers about zero for each value is refused`(text: String) {
    let error = #expect(throws: ResectError.self) { try read(text) }
    #expect(error?.code == .malformed)
  }

  @Test func `a range that stands twice is refused`() {
    #expect(throws: ResectError.self) { try read(#"{"source":"probes","ranges":{"a":[0,1],"a":[0,2]}}"#) }
  }

  @Test func `normalised pixels lie between what 0 and 255 become`() {
    let range = InputNormalization(.torchvision).range
    // Red has the lowest end: (0 − 0.485) / 0.229; blue the highest: (1 − 0.406) / 0.225.
    #expect(abs(range.low + 0.485 / 0.229) < 1e-6)
    #expect(abs(range.high - (1 - 0.406) / 0.225) < 1e-6)
  }
}
