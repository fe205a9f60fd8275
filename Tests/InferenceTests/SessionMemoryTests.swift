import Foundation
import ResectBytes
import ResectGraphs
import ResectResNets
import ResectTestSupport
import Synchronization
import Testing

@testable import ResectInference

@Suite struct SessionMemoryTests {
  @Test func `only values used last are kept`() {
    var kept = RecentlyUsed<String, Int>(limit: 2, budget: 100)
    kept.insert(1, for: "a", cost: 1)
    kept.insert(2, for: "b", cost: 1)
    #expect(kept["a"] == 1)
    kept.insert(3, for: "c", cost: 1)
    #expect(kept["b"] == nil)
    #expect(kept["a"] == 1 && kept["c"] == 3)
    kept.insert(4, for: "a", cost: 1)
    #expect(kept["a"] == 4 && kept["c"] == 3)
  }

  @Test func `values that cost too much are let go, but for the last`() {
    var kept = RecentlyUsed<String, Int>(limit: 8, budget: 100)
    for (index, key) in ["a", "b", "c"].enumerated() { kept.insert(index, for: key, cost: 40) }
    #expect(kept["a"] == nil && kept["b"] == 1 && kept["c"] == 2)
    kept.insert(3, for: "d", cost: 1000)
    #expect(kept["b"] == nil && kept["c"] == nil && kept["d"] == 3)
  }

  #if os(Linux)
    /// Bytes of this process that are in memory.
    private func resident() throws -> Int {
      let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
      return try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 4096
    }

    @Test func `images of ever more sizes take no more memory than images of a few`() throws {
      let session = try Session(ResNet.random(.small(widths: [64, 128], stemWidth: 64), seed: 2))
      func run(_ heights: Range<Int>) throws {
        for height in heights {
          // Images of other sides, and about as many pixels.
          let width = 12_000 / height
          let shape = Graph.ValueShape.image(channels: 3, height: height, width: width)
          let values = (0..<shape.count).map { Float($0 % 17) / 8 - 1 }
          _ = try session.run(Batch(count: 1, shape: shape, values: values))
        }
      }
      try run(60..<80)
      let few = try resident()
      // Each of the plans has some six megabytes.
      try run(80..<140)
      #expect(try resident() - few < 96 << 20)
    }
  #endif

  @Test func `threads that ask for many sizes at once get what each gives alone`() throws {
    let network = try ResNet.random(.small(.bottleneck), seed: 3)
    let session = try Session(network)
    let batches = try (0..<12).map { try Probes.batch(for: session, side: 16 + $0, count: 1) }
    let expected = try batches.map { try Session(network).run($0) }
    let wrong = Atomic<Int>(0)
    try parallelForEach(count: 48, threads: 6) { index throws(ResectError) in
      let rows = try session.run(batches[index * 7 % batches.count])
      if rows != expected[index * 7 % batches.count] { wrong.wrappingAdd(1, ordering: .relaxed) }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
  }

  @Test func `running a network leaves the environment of the process as it was`() throws {
    let before = ProcessInfo.processInfo.environment
    let session = try Session(ResNet.random(.small(), seed: 3))
    _ = try session.run(Probes.batch(for: session, side: 8, count: 1))
    #expect(ProcessInfo.processInfo.environment == before)
  }
}
