internal import ResectBytes

/// Frequencies of quantised weights in few bytes: a curve through some symbols on both sides of zero.
///
/// Near zero every symbol has a node of its own, farther out ever fewer; between two nodes the weight goes in a straight line.
struct SmoothTable: Equatable {
  /// The nodes' distances from the symbol that means zero.
  static let distances = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 127]
  /// The symbol that means zero.
  static let middle = 127
  /// The symbol of integers that have no other.
  static let escape = 255

  /// How many nodes there are on each side, besides the one in the middle.
  private let reach: Int
  /// The nodes' weights from the leftmost to the rightmost, then the escape's, each as ``weight(of:)`` reads it.
  private let codes: [UInt8]

  /// Weights that follow `histogram` as well as the nodes allow.
  init(histogram: [UInt32]) {
    let span = histogram.indices.reduce(0) { span, symbol in
      histogram[symbol] == 0 || symbol == SmoothTable.escape ? span : max(span, abs(symbol - SmoothTable.middle))
    }
    let reach = SmoothTable.distances.firstIndex { $0 >= span } ?? SmoothTable.distances.count - 1
    let nodes = SmoothTable.positions(reach: reach)
    // A node stands for the symbols that are nearer to it than half the way to its neighbours.
    let codes = nodes.indices.map { index in
      let lower = index == 0 ? nodes[0] : (nodes[index - 1] + nodes[index]) / 2 + 1
      let upper = index == nodes.count - 1 ? nodes[index] : (nodes[index] + nodes[index + 1]) / 2
      let symbols = min(lower, nodes[index])...max(upper, nodes[index])
      let sum = symbols.reduce(UInt64(0)) { $0 + UInt64(histogram[$1]) }
      return SmoothTable.code(of: max(sum * 64 / UInt64(symbols.count), 1))
    }
    self.reach = reach
    let escapes = UInt64(histogram[SmoothTable.escape])
    self.codes = codes + [escapes == 0 ? 0 : SmoothTable.code(of: escapes * 64)]
  }

  /// Reads the nodes.
  init(parsing cursor: inout ChunkCursor) throws(ResectError) {
    reach = Int(try cursor.byte())
    guard reach < SmoothTable.distances.count else {
      throw ChunkCursor.damaged("a table has \(reach) nodes on a side")
    }
    var codes: [UInt8] = []
    for _ in 0..<2 * reach + 2 { codes.append(try cursor.byte()) }
    self.codes = codes
  }

  /// As ``init(parsing:)`` reads it.
  var bytes: [UInt8] { [UInt8(reach)] + codes }

  /// The frequencies; nothing where fewer than two symbols have a weight.
  var table: FrequencyTable? {
    let nodes = SmoothTable.positions(reach: reach)
    var weights = [UInt64](repeating: 0, count: 256)
    weights[nodes[0]] = SmoothTable.weight(of: codes[0])
    for index in 1..<max(nodes.count, 1) {
      let (left, right) = (nodes[index - 1], nodes[index])
      let (from, to) = (SmoothTable.weight(of: codes[index - 1]), SmoothTable.weight(of: codes[index]))
      for symbol in left + 1...right {
        weights[symbol] =
          (from * UInt64(right - symbol) + to * UInt64(symbol - left)) / UInt64(right - left)
      }
    }
    weights[SmoothTable.escape] = SmoothTable.weight(of: codes[codes.count - 1])
    return FrequencyTable(weights: weights)
  }

  private static func positions(reach: Int) -> [Int] {
    distances[1..<reach + 1].reversed().map { middle - $0 } + distances[...reach].map { middle + $0 }
  }

  /// A floating-point number of eight bits: three of fraction, the rest exponent; zero means zero.
  private static func weight(of code: UInt8) -> UInt64 {
    code == 0 ? 0 : UInt64(8 + (code - 1) % 8) << UInt64((code - 1) / 8)
  }

  /// The code whose weight comes next to `weight`, which is not zero.
  private static func code(of weight: UInt64) -> UInt8 {
    let exponent = max(60 - weight.leadingZeroBitCount, 0)
    let fraction = exponent == 0 ? max(weight, 8) : (weight + 1 << (exponent - 1)) >> exponent
    // Rounding up may lead to the next power of two: 16 is the fraction 0 there.
    return UInt8(1 + exponent * 8 + Int(fraction) - 8)
  }
}
