import ResectBytes
import ResectResNets
import ResectSurgery
import Testing

@Suite struct SurgeryRecordTests {
  @Test func `a record in a file has no texts for people`() {
    let record = SurgeryRecord(
      name: "fold-bn", parameters: .object(["epsilon": .number(0.5)]), report: .object(["layers": .array([])]),
      warnings: ["a warning"], summary: "a summary")
    #expect(
      String(decoding: record.json.compact, as: UTF8.self)
        == #"{"surgery":"fold-bn","parameters":{"epsilon":0.5},"report":{"layers":[]}}"#)
  }

  @Test func `a record without parameters says so`() {
    let record = SurgeryRecord(name: "join", report: .null, summary: "")
    #expect(record.json["parameters"] == .object([]))
    #expect(record.warnings == [])
  }
}
