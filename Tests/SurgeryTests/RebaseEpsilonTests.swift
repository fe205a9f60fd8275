import ResectBytes
import ResectResNets
import ResectSurgery
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct RebaseEpsilonTests {
  private func fault(_ network: ResNet, to epsilon: Double) -> ResectError? {
    do throws(ResectError) {
      _ = try network.rebasingEpsilon(to: epsilon)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [1e-3, 1.001e-5, 0, 5e-3])
  func `variance and eps have the sum that they had`(target: Double) throws {
    let network = try TestNetwork(epsilon: 1e-5).network()
    let rebased = try network.rebasingEpsilon(to: target).network
    #expect(rebased.architecture.epsilon == .init(target, from: .option))
    for (old, new) in zip(network.units, rebased.units) {
      let before = try #require(old.unit.norm?.runningVariance).doubles()
      let after = try #require(new.unit.norm?.runningVariance).doubles()
      for (one, other) in zip(before, after) {
        #expect(abs((one + 1e-5) - (other + target)) <= 1e-15)
      }
    }
  }

  @Test func `a variance is computed in double and rounded once to its dtype`() throws {
    var network = TestNetwork(epsilon: 1e-5, dtype: .float32)
    let path = ParameterPath(.stemNorm, .runningVariance)
    network.values[path] = [0.5, 0.25, 3, 0.0009765625]
    let (rebased, record) = try network.network().rebasingEpsilon(to: 1e-6)
    let stored = try #require(rebased.stem.norm?.runningVariance)
    #expect(stored.dtype == .float32)
    let expected = [0.5, 0.25, 3, 0.0009765625].map { Double(Float($0 + 1e-5 - 1e-6)) }
    #expect(try stored.doubles() == expected)
    // Half a step of float32.
    let rounding = try #require(record.report["largestRelativeRounding"]?.number)
    #expect(rounding > 0 && rounding <= 1.0 / Double(1 << 24))
  }

  @Test func `nothing but variances changes`() throws {
    let network = try TestNetwork(epsilon: 1e-5).network()
    let before = try network.bytes
    let after = try network.rebasingEpsilon(to: 2e-5).network.bytes
    #expect(before.keys == after.keys)
    for (path, bytes) in after where path.kind != .runningVariance { #expect(bytes == before[path]) }
  }

  @Test func `the eps that is there already changes no bit`() throws {
    let network = try TestNetwork(epsilon: 1e-5).network()
    let (same, record) = try network.rebasingEpsilon(to: 1e-5)
    #expect(try same.bytes == network.bytes)
    #expect(record.summary.contains("nothing to change"))
  }

  @Test func `the batch-norm after the last stage moves too`() throws {
    let network = try TestNetwork(epsilon: 1e-5) {
      $0.isPreactivated = true
      $0.hasFinalNorm = true
    }.network()
    let rebased = try network.rebasingEpsilon(to: 0).network
    let before = try #require(network.finalNorm?.runningVariance).doubles()
    #expect(try rebased.finalNorm?.runningVariance?.doubles() == before.map { $0 + 1e-5 })
  }

  @Test func `a variance that would be negative is refused with its channel`() throws {
    var network = TestNetwork(epsilon: 1e-5)
    network.values[ParameterPath(.norm(stage: 2, block: 0, index: 1), .runningVariance)]?[3] = 1e-7
    let error = fault(try network.network(), to: 1e-3)
    #expect(error?.code == .badValue)
    #expect(error?.tensor == "stage2.0.norm1.running_var")
    #expect(error?.message.contains("channel 3") == true)
    #expect(fault(try network.network(), to: 1e-5 + 1e-8) == nil)
  }

  @Test func `an unknown eps, no statistics and a target that is no eps are refused`() throws {
    #expect(fault(try TestNetwork(epsilon: nil).network(), to: 1e-3)?.advice?.code.rawValue == "sayEpsilon")
    let folded = try TestNetwork().network().foldingBatchNorm().network
    #expect(fault(folded, to: 1e-3)?.code == .notApplicable)
    for target in [-1e-5, .nan, .infinity] {
      #expect(fault(try TestNetwork().network(), to: target)?.code == .badArgument)
    }
  }
}
