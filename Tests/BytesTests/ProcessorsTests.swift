import ResectBytes
import Foundation
import Testing

@Suite struct ProcessorsTests {
  /// What `/proc/self/cgroup` says, files of groups, and the quota in processors.
  private static let cases: [(groups: String, files: [String: String], quota: Double?)] = [
    ("0::/\n", ["/sys/fs/cgroup/cpu.max": "200000 100000\n"], 2),
    ("0::/\n", ["/sys/fs/cgroup/cpu.max": "max 100000\n"], nil),
    ("0::/a/b\n", ["/sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "/sys/fs/cgroup/a/cpu.max": "150000 100000\n"], 1.5),
    (
      "0::/a/b\n", ["/sys/fs/cgroup/a/b/cpu.max": "50000 100000\n", "/sys/fs/cgroup/a/cpu.max": "150000 100000\n"], 0.5
    ),
    (
      "7:memory:/a\n3:cpu,cpuacct:/a\n",
      ["/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "300000\n", "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n"], 3
    ),
    (
      "1:cpu:/\n0::/\n",
      ["/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"], nil
    ),
    // A container that does not see its own folder.
    ("0::/elsewhere\n", ["/sys/fs/cgroup/cpu.max": "100000 100000\n"], 1),
    ("1:cpuset:/\n", ["/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "1", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "1"], nil),
    ("0::/\n", ["/sys/fs/cgroup/cpu.max": "100000\n"], nil), ("0::/\n", ["/sys/fs/cgroup/cpu.max": "x 0\n"], nil),
    ("0::/\n", ["/sys/fs/cgroup/cpu.max": "100000 0\n"], nil), ("", [:], nil), ("nonsense\n:\n", [:], nil),
  ]

  @Test(arguments: cases.indices)
  func `a group's quota is the smallest of its own and its parents'`(index: Int) {
    let (groups, files, quota) = ProcessorsTests.cases[index]
    #expect(Processors.quota(ofProcess: groups) { files[$0] } == quota)
  }

  @Test(
    arguments: [
      (8, nil, 8), (8, 2, 2), (8, 1.5, 1), (8, 0.5, 1), (2, 16, 2), (0, nil, 1), (3, 3, 3), (1 << 10, 1e300, 1 << 10),
    ] as [(Int, Double?, Int)])
  func `as many threads run as whole processors are left, and at least one`(allowed: Int, quota: Double?, count: Int) {
    #expect(Processors.count(allowed: allowed, quota: quota) == count)
  }

  #if os(Linux)
    @Test func `the affinity of a process counts`() throws {
      let allowed = try run("/usr/bin/env", ["nproc"])
      #expect(Processors.available <= allowed)
      #expect(Processors.available >= 1)
    }

    private func run(_ path: String, _ arguments: [String]) throws -> Int {
      let process = Process()
      let pipe = Pipe()
      process.executableURL = URL(fileURLWithPath: path)
      process.arguments = arguments
      process.standardOutput = pipe
      try process.run()
      let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
  #endif
}
