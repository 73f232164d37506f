import DNSCore
import Synchronization

/// Counters that one receive thread, or all stream connections, add to: once a batch, not once a query.
final class DNSCounters: Sendable {
  private let queries = Atomic<UInt64>(0)
  private let noError = Atomic<UInt64>(0)
  private let formErr = Atomic<UInt64>(0)
  private let servFail = Atomic<UInt64>(0)
  private let nxDomain = Atomic<UInt64>(0)
  private let notImp = Atomic<UInt64>(0)
  private let refused = Atomic<UInt64>(0)
  private let otherCodes = Atomic<UInt64>(0)
  private let truncated = Atomic<UInt64>(0)
  private let silent = Atomic<UInt64>(0)
  private let dropped = Atomic<UInt64>(0)
  private let slipped = Atomic<UInt64>(0)

  func add(_ tally: ResponderTally) {
    queries.add(tally.queries, ordering: .relaxed)
    if tally.noError > 0 { noError.add(tally.noError, ordering: .relaxed) }
    if tally.formErr > 0 { formErr.add(tally.formErr, ordering: .relaxed) }
    if tally.servFail > 0 { servFail.add(tally.servFail, ordering: .relaxed) }
    if tally.nxDomain > 0 { nxDomain.add(tally.nxDomain, ordering: .relaxed) }
    if tally.notImp > 0 { notImp.add(tally.notImp, ordering: .relaxed) }
    if tally.refused > 0 { refused.add(tally.refused, ordering: .relaxed) }
    if tally.otherCodes > 0 { otherCodes.add(tally.otherCodes, ordering: .relaxed) }
    if tally.truncated > 0 { truncated.add(tally.truncated, ordering: .relaxed) }
    if tally.silent > 0 { silent.add(tally.silent, ordering: .relaxed) }
    if tally.dropped > 0 { dropped.add(tally.dropped, ordering: .relaxed) }
    if tally.slipped > 0 { slipped.add(tally.slipped, ordering: .relaxed) }
  }

  var tally: ResponderTally {
    var tally = ResponderTally()
    tally.queries = queries.load(ordering: .relaxed)
    tally.noError = noError.load(ordering: .relaxed)
    tally.formErr = formErr.load(ordering: .relaxed)
    tally.servFail = servFail.load(ordering: .relaxed)
    tally.nxDomain = nxDomain.load(ordering: .relaxed)
    tally.notImp = notImp.load(ordering: .relaxed)
    tally.refused = refused.load(ordering: .relaxed)
    tally.otherCodes = otherCodes.load(ordering: .relaxed)
    tally.truncated = truncated.load(ordering: .relaxed)
    tally.silent = silent.load(ordering: .relaxed)
    tally.dropped = dropped.load(ordering: .relaxed)
    tally.slipped = slipped.load(ordering: .relaxed)
    return tally
  }
}
