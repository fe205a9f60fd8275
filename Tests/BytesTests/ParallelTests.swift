import ResectBytes
import Foundation
import Synchronization
import Testing

@Suite struct ParallelTests {
  @Test(arguments: [0, 1, 2, 3, 1000])
  func `each index is visited once`(count: Int) throws {
    let visits = Mutex([Int](repeating: 0, count: count))
    try parallelForEach(count: count) { index throws(ResectError) in
      visits.withLock { $0[index] += 1 }
    }
    #expect(visits.withLock { $0 } == [Int](repeating: 1, count: count))
  }

  /// Indices are handed out in order and each that was handed out is finished, so the lowest failure is always seen.
  @Test(arguments: 0..<10)
  func `the failure of the lowest index is thrown, whoever fails first`(round: Int) {
    let isLaterUnderWay = Atomic(false)
    let error = #expect(throws: ResectError.self) {
      try parallelForEach(count: 100) { index throws(ResectError) in
        guard [7, 8, 9, 40, 99].contains(index) else { return }
        if index > 7 {
          isLaterUnderWay.store(true, ordering: .relaxed)
        } else {
          // Lets a later index fail first, where there is another thread to work on it.
          for _ in 0..<50 where !isLaterUnderWay.load(ordering: .relaxed) { usleep(1000) }
          usleep(1000)
        }
        throw ResectError(.badValue, "\(index)")
      }
    }
    #expect(error?.message == "7")
  }

  @Test func `after a failure no more work begins than was under way`() {
    let visited = Mutex(0)
    #expect(throws: ResectError.self) {
      try parallelForEach(count: 1_000_000) { index throws(ResectError) in
        visited.withLock { $0 += 1 }
        if index == 0 { throw ResectError(.badValue, "first") }
      }
    }
    #expect(visited.withLock { $0 } < 1_000_000)
  }

  @Test func `one parallel loop may run in another`() throws {
    let sum = Mutex(0)
    try parallelForEach(count: 8) { outer throws(ResectError) in
      try parallelForEach(count: 8) { inner throws(ResectError) in
        sum.withLock { $0 += outer * 8 + inner }
      }
    }
    #expect(sum.withLock { $0 } == 63 * 64 / 2)
  }
}
