public import ResectBytes

extension HDF5File {
  /// The bytes that an HDF5 file begins with, if nothing of another format stands before it.
  public static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Whether `file` is an HDF5 file: its signature is at byte 0, 512, 1024, or any further power of two.
  public static func recognises(_ file: InputFile) throws(ResectError) -> Bool {
    let length = UInt64(signature.count)
    guard file.size >= length else { return false }
    var offset: UInt64 = 0
    while offset <= file.size - length {
      if try file.read(at: offset, count: signature.count) == signature { return true }
      offset = offset == 0 ? 512 : offset * 2
    }
    return false
  }
}
