/// Names a value within one ``Pickle``. Values that the pickle shares through its memo have one ID.
///
/// IDs grow in the order in which the values were made: what a call or a tuple is made of comes before it.
public struct ValueID: Sendable, Hashable, Comparable {
  let index: UInt32

  /// Whether `left` was made before `right`.
  public static func < (left: ValueID, right: ValueID) -> Bool { left.index < right.index }
}

extension ValueID {
  /// No value: keeps ``Node`` within 16 bytes, where an optional would not.
  static let absent = ValueID(index: .max)

  init(_ index: Int) { self.index = UInt32(truncatingIfNeeded: index) }

  var position: Int { Int(index) }

  /// The same as an optional.
  var present: ValueID? { self == .absent ? nil : self }
}
