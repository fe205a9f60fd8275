internal import ResectBytes
internal import ResectTensors

/// Classes of weights that are about equally large, by their output and input channel: each class has frequencies of its own,
/// which saves bits wherever channels differ.
struct ScaleClasses: Equatable {
  /// How many classes there are.
  static let count = 8
  /// What is taken off the sum of a row's and a column's number.
  private static let offset = 8

  /// Of each row (output channel) and column (input channel), a number from 0 to 15.
  let rows: [UInt8]
  let columns: [UInt8]
  /// Elements of a row and column: those of the kernel.
  private let taps: Int

  /// How many bytes the numbers take.
  static func byteCount(_ shape: Shape) -> Int? {
    guard let (rows, columns, _) = axes(of: shape) else { return nil }
    return (rows + 1) / 2 + (columns + 1) / 2
  }

  /// Reads the numbers of a tensor of `shape`, two a byte.
  init(parsing bytes: [UInt8], shape: Shape) throws(ResectError) {
    guard let (rowCount, columnCount, taps) = ScaleClasses.axes(of: shape) else {
      throw ChunkCursor.damaged("a tensor of shape \(shape) has no classes")
    }
    func numbers(_ bytes: ArraySlice<UInt8>, _ count: Int) -> [UInt8] {
      Array(bytes.flatMap { [$0 & 15, $0 >> 4] }.prefix(count))
    }
    let middle = (rowCount + 1) / 2
    rows = numbers(bytes[..<middle], rowCount)
    columns = numbers(bytes[middle...], columnCount)
    self.taps = taps
  }

  /// As ``init(parsing:shape:)`` reads them.
  var bytes: [UInt8] {
    func pairs(_ numbers: [UInt8]) -> [UInt8] {
      stride(from: 0, to: numbers.count, by: 2).map {
        numbers[$0] | ($0 + 1 < numbers.count ? numbers[$0 + 1] << 4 : 0)
      }
    }
    return pairs(rows) + pairs(columns)
  }

  private static func axes(of shape: Shape) -> (rows: Int, columns: Int, taps: Int)? {
    guard shape.rank >= 2, shape.elementCount > 0 else { return nil }
    let (rows, columns) = (shape.axes[0], shape.axes[1])
    return (rows, columns, shape.elementCount / rows / columns)
  }

  /// Writes the class of each of `elements` to `classes` and returns how many each class has.
  func fill(_ classes: inout [UInt8], elements: Range<Int>) -> [Int] {
    var counts = [Int](repeating: 0, count: ScaleClasses.count)
    var element = elements.lowerBound
    while element < elements.upperBound {
      let kernel = element / taps
      let end = min((kernel + 1) * taps, elements.upperBound)
      let sum = Int(rows[kernel / columns.count]) + Int(columns[kernel % columns.count])
      let number = min(max(sum - ScaleClasses.offset, 0), ScaleClasses.count - 1)
      for index in element..<end { classes[index - elements.lowerBound] = UInt8(number) }
      counts[number] += end - element
      element = end
    }
    return counts
  }
}

// MARK: Finding classes

extension ScaleClasses {
  /// Classes for a tensor of `shape` whose quantised elements are `integers`: half an octave apart, the last the largest
  /// that more than a few elements need. Nothing where the shape has no rows and columns.
  init?(of integers: [Int32], shape: Shape) {
    guard let (rowCount, columnCount, taps) = ScaleClasses.axes(of: shape) else { return nil }
    var rowScales = [Double](repeating: 1, count: rowCount)
    var columnScales = [Double](repeating: 1, count: columnCount)
    // Each factor in turn is the mean of what the other leaves.
    for _ in 0..<3 {
      var rowSums = [Double](repeating: 0, count: rowCount)
      ScaleClasses.forEachKernel(integers, taps, columnCount) { row, column, mean in
        rowSums[row] += mean / columnScales[column]
      }
      rowScales = rowSums.map { $0 / Double(columnCount) }
      var columnSums = [Double](repeating: 0, count: columnCount)
      ScaleClasses.forEachKernel(integers, taps, columnCount) { row, column, mean in
        columnSums[column] += mean / rowScales[row]
      }
      columnScales = columnSums.map { $0 / Double(rowCount) }
    }
    self.init(
      rows: rowScales.map(ScaleClasses.halfOctaves), columns: columnScales.map(ScaleClasses.halfOctaves),
      taps: taps)
  }

  private init(rows: [Int], columns: [Int], taps: Int) {
    let lowest = columns.min() ?? 0
    let numbers = columns.map { min($0 - lowest, 15) }
    let offset = ScaleClasses.offset + ScaleClasses.count - 1 - ScaleClasses.highest(rows, numbers)
    self.rows = rows.map { UInt8(min(max($0 + offset, 0), 15)) }
    self.columns = numbers.map { UInt8($0) }
    self.taps = taps
  }

  /// The highest sum of a row's and a column's number but for two percent of the kernels, which may share a class with it.
  private static func highest(_ rows: [Int], _ columns: [Int]) -> Int {
    var sums: [Int: Int] = [:]
    for (row, rowCount) in counts(of: rows) {
      for (column, columnCount) in counts(of: columns) { sums[row + column, default: 0] += rowCount * columnCount }
    }
    var above = 0
    for (sum, count) in sums.sorted(by: { $0.key > $1.key }) {
      above += count
      if above > rows.count * columns.count / 50 { return sum }
    }
    return 0
  }

  private static func counts(of numbers: [Int]) -> [Int: Int] {
    var counts: [Int: Int] = [:]
    for number in numbers { counts[number, default: 0] += 1 }
    return counts
  }

  private static func forEachKernel(
    _ integers: [Int32], _ taps: Int, _ columnCount: Int, _ body: (Int, Int, Double) -> Void
  ) {
    for kernel in 0..<integers.count / taps {
      var sum: UInt64 = 0
      for index in kernel * taps..<(kernel + 1) * taps { sum += UInt64(integers[index].magnitude) }
      // A kernel of zeros is small, not nothing.
      body(kernel / columnCount, kernel % columnCount, Double(sum) / Double(taps) + 0.0625)
    }
  }

  /// Twice the binary logarithm of `scale`, rounded down.
  private static func halfOctaves(_ scale: Double) -> Int {
    2 * Int(scale.exponent) + (scale.significand >= 2.squareRoot() ? 1 : 0)
  }
}
