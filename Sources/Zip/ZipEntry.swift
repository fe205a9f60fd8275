/// One entry of a ``ZipArchive``: what the directory and the entry's own header agree on.
public struct ZipEntry: Sendable, Hashable {
  /// The entry's name, the only one of its kind in the archive. Never to be used as a path.
  public let name: String
  /// How many bytes the contents have.
  public let size: UInt64
  /// How many bytes of the file hold them.
  public let compressedSize: UInt64
  /// The recorded CRC-32 of the contents. 0 in a stored entry means that none was recorded, as torch may be told to.
  public let crc32: UInt32
  /// Whether the contents stand in the file as they are; otherwise they are deflated.
  public let isStored: Bool
  /// Where in the file the ``compressedSize`` bytes begin.
  public let payloadOffset: UInt64

  /// The entry's place in the directory, by which libzip knows it.
  let index: Int
}
