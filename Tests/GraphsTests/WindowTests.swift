import ResectBytes
import ResectGraphs
import Testing

@Suite struct WindowTests {
  /// A row of `windows.json`.
  struct Row: Sendable, CustomTestStringConvertible {
    let kind: String
    let length, kernel, stride, before, after, dilation: Int
    let roundsUp: Bool
    let count: Int?

    init?(_ json: JSON) {
      guard let cells = json.elements, cells.count == 9, let kind = cells[0].string, let roundsUp = cells[7].bool
      else { return nil }
      let numbers = cells[1...6].compactMap { $0.integer.map(Int.init) }
      guard numbers.count == 6 else { return nil }
      self.kind = kind
      (length, kernel, stride, before) = (numbers[0], numbers[1], numbers[2], numbers[3])
      (after, dilation) = (numbers[4], numbers[5])
      self.roundsUp = roundsUp
      count = cells[8].integer.map(Int.init)
    }

    var testDescription: String {
      "\(kind) \(length) kernel \(kernel) stride \(stride) pad \(before), \(after) dilation \(dilation) ceil \(roundsUp)"
    }

    /// The windows, along the height and not along the width.
    var window: Graph.Window {
      Graph.Window(
        kernel: .init(kernel, 1), stride: .init(stride, 1),
        padding: kind == "same" ? .same : .sides(top: before, bottom: after, left: 0, right: 0),
        dilation: .init(dilation, 1), roundsUp: roundsUp)
    }

    /// The same windows along the width.
    var turned: Graph.Window {
      Graph.Window(
        kernel: .init(1, kernel), stride: .init(1, stride),
        padding: kind == "same" ? .same : .sides(top: 0, bottom: 0, left: before, right: after),
        dilation: .init(1, dilation), roundsUp: roundsUp)
    }
  }

  private static let table = Tables.rows("windows.json")
  private static let rows = table.compactMap(Row.init)

  @Test func `the table is read whole`() {
    #expect(Self.rows.count == Self.table.count)
    #expect(Self.rows.count > 500)
  }

  @Test(arguments: rows)
  func `there are as many windows as torch and TensorFlow find`(row: Row) throws {
    guard let count = row.count else {
      #expect(throws: ResectError.self) { try row.window.vertical(row.length) }
      #expect(throws: ResectError.self) { try row.turned.horizontal(row.length) }
      return
    }
    let axis = try row.window.vertical(row.length)
    #expect(axis == (try row.turned.horizontal(row.length)))
    #expect(axis.count == count)
    #expect(axis.before == row.before)
    #expect(axis.after == row.after)
    #expect(axis.span == (row.kernel - 1) * row.dilation + 1)
  }

  @Test func `numbers that no window can have are refused`() {
    let large = Limits.windowPixels + 1
    let windows = [
      Graph.Window(kernel: 0), .init(kernel: -1), .init(kernel: Graph.Extent(large)), .init(kernel: Graph.Extent(.max)),
      .init(kernel: 1, stride: 0), .init(kernel: 1, stride: Graph.Extent(.max)), .init(kernel: 1, dilation: 0),
      .init(kernel: 1, dilation: Graph.Extent(.max)), .init(kernel: 1, padding: .each(-1)),
      .init(kernel: 1, padding: .each(.max)), .init(kernel: 1, padding: .each(large)),
    ]
    for window in windows {
      #expect(#expect(throws: ResectError.self) { try window.vertical(8) }?.code == .malformed)
      #expect(#expect(throws: ResectError.self) { try window.horizontal(8) }?.code == .malformed)
    }
    for length in [-1, .min, .max, Limits.imagePixels + 1] {
      #expect(#expect(throws: ResectError.self) { try Graph.Window(kernel: 1).vertical(length) }?.code == .limit)
    }
  }

  @Test func `the largest numbers that windows may have do not overflow`() throws {
    let most = Graph.Extent(Limits.windowPixels)
    let same = Graph.Window(kernel: most, stride: 1, padding: .same, dilation: most)
    #expect(try same.vertical(Limits.imagePixels).count == Limits.imagePixels)
    let apart = Graph.Window(kernel: most, stride: most, padding: .each(most), dilation: most, roundsUp: true)
    #expect(throws: ResectError.self) { try apart.vertical(Limits.imagePixels) }
  }

  @Test func `padding that is alike on every side has one number`() {
    #expect(Graph.Padding.each(3).uniform == 3)
    #expect(Graph.Padding.none.uniform == 0)
    #expect(Graph.Padding.each(Graph.Extent(1, 2)).uniform == nil)
    #expect(Graph.Padding.sides(top: 1, bottom: 1, left: 1, right: 0).uniform == nil)
    #expect(Graph.Padding.same.uniform == nil)
  }
}
