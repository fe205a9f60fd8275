internal import CResectPosix

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// How many processors a process may use: fewer than the machine has where its affinity or a container's quota says so.
///
/// More threads than that wait for each other.
package enum Processors {
  /// How many there are for this process, as it began.
  package static let available: Int = {
    let allowed = Int(resect_allowed_processors())
    let online = allowed > 0 ? allowed : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return count(allowed: online, quota: quota(ofProcess: text(at: "/proc/self/cgroup") ?? "", file: text(at:)))
  }()

  /// How many whole processors `quota`, a share of time, leaves of those that are allowed; at least one.
  package static func count(allowed: Int, quota: Double?) -> Int {
    guard let quota, quota < Double(allowed) else { return max(allowed, 1) }
    return max(Int(quota), 1)
  }

  /// The smallest quota of the groups that a process is in, in processors; absent where there is none.
  ///
  /// `groups` is what `/proc/self/cgroup` says, `file` gives the text of a file where there is one. Both of Linux's versions are read,
  /// a group's parents too.
  package static func quota(ofProcess groups: String, file: (String) -> String?) -> Double? {
    var smallest: Double?
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isUnified = fields[0] == "0" && fields[1].isEmpty
      guard isUnified || fields[1].split(separator: ",").contains("cpu") else { continue }
      // A group that was mounted into a container is its root there.
      var names = fields[2].split(separator: "/")[...]
      while true {
        let folder = names.map { "/\($0)" }.joined()
        let found =
          isUnified
          ? file("/sys/fs/cgroup\(folder)/cpu.max").flatMap(quota(unified:))
          : quota(
            file("/sys/fs/cgroup/cpu\(folder)/cpu.cfs_quota_us"), file("/sys/fs/cgroup/cpu\(folder)/cpu.cfs_period_us"))
        if let found { smallest = min(smallest ?? found, found) }
        guard names.popLast() != nil else { break }
      }
    }
    return smallest
  }

  /// What a `cpu.max` says: microseconds of each period, or `max`.
  private static func quota(unified text: String) -> Double? {
    let numbers = text.split(whereSeparator: \.isWhitespace)
    guard numbers.count == 2 else { return nil }
    return quota(String(numbers[0]), String(numbers[1]))
  }

  private static func quota(_ microseconds: String?, _ period: String?) -> Double? {
    func number(_ text: String?) -> Double? { text?.split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) } }
    // −1 is no quota.
    guard let time = number(microseconds), let period = number(period), time > 0, period > 0 else { return nil }
    return time / period
  }

  /// The text of one of the kernel's files, which are short.
  private static func text(at path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
