internal import ResectBytes

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// Zeroed memory of its own pages, given back when the last owner lets go.
///
/// It is written while it has one owner and only read afterwards: the owners see to that.
@safe final class AlignedMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// Memory of `byteCount` bytes, at least one.
  init(byteCount: Int) throws(ResectError) {
    let size = max(byteCount, 1)
    let flags = MAP_PRIVATE | MAP_ANONYMOUS
    guard let base = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0),
      unsafe base != MAP_FAILED
    else {
      throw ResectError(.limit, "the forward pass needs \(size) bytes of memory, which are not there")
    }
    #if os(Linux)
      // Large pages: a network's weights are touched for the first time right before it runs.
      _ = unsafe madvise(base, size, MADV_HUGEPAGE)
    #endif
    unsafe self.base = base
    self.byteCount = size
  }

  deinit { _ = unsafe munmap(base, byteCount) }

  /// The memory from `offset` on.
  func pointer(at offset: Int) -> UnsafeMutableRawPointer { unsafe base + offset }
}
