internal import ResectBytes
internal import ResectHDF5

/// Works on the HDF5 file of a parent process, until that wants nothing more: all that the program `resect-hdf5` does.
public func serveHDF5() {
  guard let parent = try? ParentProcess() else { return }
  var service = Service(parent: parent)
  while let request = parent.receive(HDF5Request.byteCount) {
    do throws(ResectError) {
      try service.answer(HDF5Request(parsing: request))
    } catch {
      parent.send(.refusal, HDF5Refusal.encoded(error))
    }
  }
}

private struct Service {
  /// Seconds of the processor that every request has, and how many bytes take one more.
  private static let patience = 2
  private static let bytesPerSecond: UInt64 = 16 << 20

  let parent: ParentProcess
  var file: LibraryFile?

  init(parent: ParentProcess) { self.parent = parent }

  mutating func answer(_ request: HDF5Request) throws(ResectError) {
    switch request {
    case .open(let offset, let byteCount):
      allowTime(for: byteCount)
      let end = try offset.adding(byteCount, "the part of the file")
      let file = try LibraryFile(parent.file, range: offset..<end)
      parent.send(.index, try file.index().encoded)
      self.file = file
    case .read(let address, let byteCount):
      allowTime(for: byteCount)
      guard let file else { throw ResectError(.badArgument, "no file was opened") }
      try file.decode(address: address, byteCount: byteCount) { piece throws(ResectError) in
        HDF5AnswerHead(.data, length: piece.byteCount).encoded.withRawSpan { parent.send($0) }
        parent.send(piece)
      }
    }
  }

  private func allowTime(for byteCount: UInt64) {
    parent.allow(seconds: Service.patience + Int(clamping: byteCount / Service.bytesPerSecond))
  }
}

extension ParentProcess {
  fileprivate func send(_ kind: HDF5AnswerHead.Kind, _ bytes: [UInt8]) {
    (HDF5AnswerHead(kind, length: bytes.count).encoded + bytes).withRawSpan { send($0) }
  }
}
