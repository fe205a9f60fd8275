internal import ResectBytes

/// What the pickle stored for later by number. A number costs what its value does, not what it claims.
struct Memo {
  /// Slots that follow each other from 0, as every pickler writes them. Python 2 begins at 1.
  private var dense: [ValueID] = []
  /// Slots anywhere else.
  private var sparse: [UInt32: ValueID] = [:]
  private var gaps = 0

  /// How many slots hold a value.
  var count: Int { dense.count - gaps + sparse.count }

  /// The value in `slot`, if there is one.
  subscript(_ slot: Int64) -> ValueID? {
    guard let slot = UInt32(exactly: slot) else { return nil }
    return slot < dense.count ? dense[Int(slot)].present : sparse[slot]
  }

  /// Stores `value` in `slot`.
  mutating func store(_ value: ValueID, in slot: Int64) throws(ResectError) {
    guard let slot = UInt32(exactly: slot) else {
      throw ResectError(.malformed, "the memo has no slot \(slot)")
    }
    if dense.isEmpty, slot == 1, sparse[0] == nil {
      dense.append(.absent)
      gaps = 1
    }
    if slot < dense.count {
      if dense[Int(slot)] == .absent { gaps -= 1 }
      dense[Int(slot)] = value
    } else if slot == dense.count {
      guard dense.count < Limits.pickleValues else {
        throw .tooMany("memo slots", Limits.pickleValues)
      }
      dense.append(value)
      sparse[slot] = nil
    } else {
      guard sparse.count < Limits.pickleMemoGaps else {
        throw .tooMany("scattered memo slots", Limits.pickleMemoGaps)
      }
      sparse[slot] = value
    }
  }
}
