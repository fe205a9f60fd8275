internal import ArgumentParser

/// The size of an image as an option gives it: `224`, or `192x256` for height and width.
struct ImageSize: ExpressibleByArgument {
  let height: Int
  let width: Int

  init?(argument: String) {
    let parts = argument.split(omittingEmptySubsequences: false) { $0 == "x" || $0 == "×" }
    let numbers = parts.compactMap { Int($0) }.filter { 1...1 << 16 ~= $0 }
    guard 1...2 ~= parts.count, numbers.count == parts.count else { return nil }
    (height, width) = (numbers[0], numbers[numbers.count - 1])
  }

  var defaultValueDescription: String { "\(height)x\(width)" }
}
