/// How much a file may ask for, whatever it claims. Each limit is far above what real checkpoints hold.
public enum Limits {
  /// Bytes of one pickle, of a JSON header, of a tar's table: what is read into memory whole.
  public static let metadataBytes = 64 << 20
  /// Bytes of a safetensors header, by the format's own rule.
  public static let safetensorsHeaderBytes = 100_000_000
  /// Entries of an archive.
  public static let archiveEntries = 1 << 18
  /// Tensors of one checkpoint.
  public static let tensors = 1 << 17
  /// Bytes of all names of one checkpoint together.
  public static let nameBytes = 32 << 20
  /// Dimensions of a tensor.
  public static let rank = 32
  /// Nesting of values within values: pickles, JSON.
  public static let depth = 256
  /// Values that one pickle may create.
  public static let pickleValues = 8 << 20
  /// Values on the stack of the pickle machine.
  public static let pickleStack = 2_000_000
  /// Mentions of classes and functions in one pickle.
  public static let pickleGlobals = 1 << 18
  /// Bytes of a module's or a class's name in a pickle.
  public static let pickleNameBytes = 512
  /// Memo slots of one pickle that do not follow each other.
  public static let pickleMemoGaps = 1 << 18
  /// Digits of an integer or a float that a pickle writes as text.
  public static let pickleDigits = 400
  /// Elements of a tuple that is the key of a dict.
  public static let pickleKeyElements = 64
  /// How many times larger than its compressed form a deflated entry may claim to be (deflate cannot do more than 1032).
  public static let deflateRatio: UInt64 = 1032
  /// Bytes of a tensor that has more of them than its storage, as an expanded view (stride 0) does.
  public static let expandedBytes = 64 << 20
  /// Containers that a walk through a checkpoint's values may enter, counted once a visit.
  public static let visits = 1 << 20
  /// Pixels of an image, decoded or resized: more than any camera's.
  public static let imagePixels = 1 << 27
  /// Pixels that a byte of an image's file may stand for: eight of one bit, deflated as far as deflate can.
  public static let imagePixelsPerByte = 8 * 1032
  /// Bytes of the file of an image.
  public static let imageFileBytes = 256 << 20
  /// Bytes of the header of a NumPy array.
  public static let numPyHeaderBytes = 1 << 16
  /// Groups, datasets and links of an HDF5 file.
  public static let hdf5Links = 1 << 17
  /// Attributes of an HDF5 file.
  public static let hdf5Attributes = 1 << 18
  /// Groups within groups of an HDF5 file.
  public static let hdf5Depth = 128
  /// Bytes that one attribute of an HDF5 file may claim.
  public static let hdf5AttributeBytes = 32 << 20
  /// Chunks of one HDF5 dataset.
  public static let hdf5Chunks = 1 << 22
  /// Bytes of an HDF5 file that a .keras archive holds deflated, and that is inflated to memory.
  public static let inflatedFileBytes: UInt64 = 2 << 30
  /// How many times larger than its encoded form a tensor over ``expandedBytes`` may claim to be.
  public static let encodedRatio = 1024
  /// Operations of a network.
  public static let graphNodes = 1 << 16
  /// Pixels of a window, between windows or around an image, in one direction.
  public static let windowPixels = 1 << 20
  /// Numbers of one value that a network computes of one image.
  public static let valueElements = 1 << 32
}
