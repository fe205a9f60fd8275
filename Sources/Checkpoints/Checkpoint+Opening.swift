public import ResectBytes
internal import ResectHDF5
internal import ResectZip

extension Checkpoint {
  /// Opens `file`, whose format is recognised by its content.
  ///
  /// Reads the index only: what a pickle, a header or a directory says. The cost does not grow with the weights.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - key: The key under which the state dict lies, with dots between nested ones; by default it is found.
  ///   - hdf5Reader: The path of the program that works on HDF5 files; by default `resect-hdf5` beside the running one.
  public init(
    _ file: InputFile, key: String? = nil, hdf5Reader: String? = nil
  ) throws(ResectError) {
    do throws(ResectError) {
      let head = try file.read(at: 0, count: Int(min(file.size, 512)))
      guard !head.isEmpty else {
        throw ResectError(.unknownFormat, "the file is empty", advice: "fetch it again")
      }
      if head.starts(with: [0x50, 0x4B]) {
        let archive = try ZipArchive(file)
        if KerasArchive.recognises(archive) {
          self = try KerasArchive.checkpoint(archive, key: key, reader: hdf5Reader)
        } else {
          self = try TorchZip.checkpoint(archive, key: key)
        }
      } else if TorchTar.recognises(head) {
        self = try TorchTar.checkpoint(file, key: key)
      } else if try TorchStream.recognises(head) {
        self = try TorchStream.checkpoint(file, key: key)
      } else if Safetensors.recognises(head) {
        self = try Safetensors.checkpoint(file, key: key)
      } else if try HDF5File.recognises(file) {
        self = try HDF5Container.checkpoint(file, key: key, reader: hdf5Reader)
      } else {
        throw unknownFormat(head)
      }
    } catch {
      throw error.located(file: file.path)
    }
  }
}

/// An error for a file that no reader wants, which says what it looks like.
private func unknownFormat(_ head: [UInt8]) -> ResectError {
  let text = String(decoding: head.prefix(64), as: UTF8.self)
  func starts(_ bytes: [UInt8]) -> Bool { head.starts(with: bytes) }
  let (looks, advice): (String, ResectError.Advice) =
    if text.hasPrefix("version https://git-lfs") {
      ("a Git LFS pointer, not the file itself", "run git lfs pull")
    } else if text.lowercased().hasPrefix("<!doctype") || text.lowercased().hasPrefix("<html") {
      ("a web page", "the download failed: fetch the file again")
    } else if starts([0x1F, 0x8B]) || starts([0xFD, 0x37, 0x7A]) || starts([0x42, 0x5A, 0x68])
      || starts([0x28, 0xB5, 0x2F, 0xFD])
    {
      ("a compressed file", "unpack it first")
    } else if head[0] == 0x80 || head[0] == UInt8(ascii: "(") || head[0] == UInt8(ascii: "c") {
      ("a bare pickle or something else", "save the model with torch.save")
    } else {
      ("no checkpoint", "give a file written by torch.save, Keras, safetensors or resect")
    }
  return ResectError(
    .unknownFormat, "this is \(looks): it begins with \(head.prefix(8).hexadecimal)", advice: advice)
}
