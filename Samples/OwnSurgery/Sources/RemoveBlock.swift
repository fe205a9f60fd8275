import Resect

/// Removes a residual block whose shortcut is the identity: what goes into it goes on as it is.
struct RemoveBlock: Surgery {
  /// Stages and blocks count from 0 here.
  let stage: Int
  let block: Int

  func operate(on network: Network, knowing facts: SurgeryFacts) throws(ResectError) -> SurgeryOutcome<Network> {
    guard case .resNet(var network) = network, network.stages.indices ~= stage,
      network.stages[stage].indices ~= block, network.stages[stage].count > 1
    else { throw ResectError(.notApplicable, "the network has no such block, or no other in its stage") }
    let removed = network.stages[stage].remove(at: block)
    guard removed.shortcut == nil, removed.stride == 1 else {
      throw ResectError(.notApplicable, "the block's shortcut is not the identity")
    }
    let record = SurgeryRecord(
      name: "remove-block", parameters: .object(["stage": .integer(stage), "block": .integer(block)]),
      report: .object(["convolutions": .integer(removed.units.count)]),
      summary: "removed a residual block of \(removed.units.count) convolutions")
    return SurgeryOutcome(.resNet(network), record, effect: .changesOutputs)
  }
}
