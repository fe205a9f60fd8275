internal import Dispatch
internal import Synchronization

/// How many processors there are for this process to work on.
public let availableCores = Processors.available

/// Runs `body` for each index below `count`, on `threads` threads (by default all available cores), and throws the failure of the
/// lowest index.
///
/// Indices are handed out in order, one at a time, so that uneven work balances. After a failure no new index begins.
public func parallelForEach(
  count: Int, threads: Int = availableCores, _ body: @Sendable (Int) throws(ResectError) -> Void
) throws(ResectError) {
  let failure = Mutex<(index: Int, error: ResectError)?>(nil)
  let next = Atomic<Int>(0)
  let workers = min(count, max(1, threads))
  DispatchQueue.concurrentPerform(iterations: workers) { _ in
    while failure.withLock({ $0 == nil }) {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      do throws(ResectError) {
        try body(index)
      } catch {
        failure.withLock { known in
          if known.map({ index < $0.index }) ?? true { known = (index, error) }
        }
      }
    }
  }
  if let error = failure.withLock({ $0?.error }) { throw error }
}

/// Runs `body` on this thread while `companion` runs on another, and throws what fails, the companion's failure first.
public func concurrently(
  _ companion: @Sendable () throws(ResectError) -> Void, _ body: () throws(ResectError) -> Void
) throws(ResectError) {
  let ofCompanion = Mutex<ResectError?>(nil)
  var ofBody: ResectError?
  withoutActuallyEscaping(companion) { companion in
    let group = DispatchGroup()
    DispatchQueue.global().async(group: group) {
      do throws(ResectError) { try companion() } catch { ofCompanion.withLock { $0 = error } }
    }
    do throws(ResectError) { try body() } catch { ofBody = error }
    group.wait()
  }
  if let error = ofCompanion.withLock({ $0 }) ?? ofBody { throw error }
}
