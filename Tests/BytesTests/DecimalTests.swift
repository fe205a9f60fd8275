import Foundation
import ResectBytes
import ResectTestSupport
import Testing

/// Numbers as people see them.
@Suite struct DecimalTests {
  @Test(arguments: [
    (0, "0"), (-0.0, "0"), (1, "1"), (-1, "-1"), (0.5, "0.5"), (999.4, "999"), (999.5, "1000"), (1000, "1000"),
    (12345, "12300"), (-0.0012345, "-0.00123"), (0.0001, "0.0001"), (0.00012349, "0.000123"), (9.999e-5, "0.0001"),
    (1e-5, "1e-05"), (1.2345e-8, "1.23e-08"), (1e15, "1000000000000000"), (1e16, "1e+16"), (1.2345e22, "1.23e+22"),
    (1e-300 / 1e10, "1e-310"), (.leastNonzeroMagnitude, "5e-324"), (.greatestFiniteMagnitude, "1.8e+308"),
    (.leastNormalMagnitude, "2.23e-308"), (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "nan"),
  ])
  func `three significant digits say how large a number is`(value: Double, text: String) {
    #expect(value.text(digits: 3) == text)
  }

  @Test(arguments: [
    (0, "0"), (1, "1.0e+00"), (1.04e-5, "1.0e-05"), (1.06e-5, "1.1e-05"), (-9.96, "-1.0e+01"), (0.0028, "2.8e-03"),
    (1e-300 / 1e10, "1.0e-310"), (.leastNonzeroMagnitude, "5.0e-324"), (.greatestFiniteMagnitude, "1.8e+308"),
    (1e100, "1.0e+100"),
    (.infinity, "inf"), (.nan, "nan"),
  ])
  func `two digits and an exponent say how small a number is`(value: Double, text: String) {
    #expect(value.scientific(digits: 2) == text)
  }

  @Test(arguments: [
    (0, "0.0"), (14.1234, "14.123"), (-3.9816, "-3.982"), (100, "100.0"), (0.0004, "0.0"), (-0.0004, "0.0"),
    (0.0005, "0.001"), (0.00049, "0.0"), (999.9996, "1000.0"), (0.9996, "1.0"), (1e-300 / 1e10, "0.0"), (1e20, "1e+20"),
    (.greatestFiniteMagnitude, "1.7976931348623157e+308"), (-.infinity, "-inf"), (.nan, "nan"),
  ])
  func `three digits after the point`(value: Double, text: String) {
    #expect(value.text(decimals: 3) == text)
  }

  /// Random bit patterns, which are mostly very large or very small, and every binary exponent.
  private var doubles: [Double] {
    var random = SeededRandom(seed: 7)
    let patterns = (0..<20_000).map { _ in Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random)) }
    let subnormal = (0..<2000).map { _ in Double(bitPattern: UInt64.random(in: 0..<1 << 52, using: &random)) }
    let ordinary = (0..<5000).map { _ in Double.random(in: -2000...2000, using: &random) }
    let powers = (UInt64(0)...2047).flatMap { exponent in
      [0, 1, (1 << 52) - 1].map { Double(bitPattern: exponent << 52 | $0) }
    }
    return patterns + subnormal + ordinary + powers
  }

  /// The digits of the shortest decimal that reads back as `value`.
  private func shortest(_ value: Double) -> [Character] {
    let digits = value.magnitude.description.prefix { $0 != "e" }.filter { $0 != "." }.drop { $0 == "0" }
    return digits.reversed().drop { $0 == "0" }.reversed()
  }

  @Test func `any double is rounded as the C library rounds it`() {
    for value in doubles where value.isFinite && value != 0 {
      let shortest = shortest(value)
      for digits in [2, 3, 4] {
        let (scientific, number) = (value.scientific(digits: digits), value.text(digits: digits))
        if shortest.count <= digits {
          #expect(Double(scientific) == value && Double(number) == value)
          continue
        }
        // Half-way between two, the C library looks at the exact binary value.
        if shortest.count == digits + 1, shortest.last == "5" { continue }
        let expected = String(format: "%.\(digits - 1)e", value)
        #expect(scientific == expected)
        // 1.80e+308 is no double any more.
        #expect(Double(number) == Double(expected))
      }
    }
  }

  @Test func `what is not finite is named`() {
    for value in doubles where !value.isFinite {
      #expect(value.text(digits: 3) == value.description)
      #expect(value.text(decimals: 1) == value.description)
      #expect(value.scientific(digits: 2) == value.description)
    }
  }

  @Test(arguments: [
    (0, "0"), (7, "7"), (999, "999"), (1000, "1,000"), (272_186, "272,186"), (-1_234_567, "-1,234,567"),
    (Int.min, "-9,223,372,036,854,775,808"), (Int.max, "9,223,372,036,854,775,807"),
  ])
  func `thousands are grouped`(value: Int, text: String) { #expect(value.grouped == text) }

  @Test(arguments: [
    (0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (469_012, "469.0 kB"), (1_100_000, "1.1 MB"),
    (2_560_000_000, "2.6 GB"), (UInt64.max, "18446744073.7 GB"),
  ])
  func `bytes have decimal units`(value: UInt64, text: String) { #expect(value.asBytes == text) }
}
