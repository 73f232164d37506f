import HTTPCore
import Services

/// What HTTP's metrics tell of: requests by method, until their reply begins.
extension HTTPRequestHandler {
  static let operations = Method.allCases.map { $0 == .other ? "other" : $0.text.description.lowercased() }

  func operation(of demand: HTTPDemand) -> Int? {
    guard case .respond(let request) = demand else { return nil }
    return Int(request.method.rawValue)
  }

  func outcome(of answer: HTTPAnswer) -> OperationOutcome {
    switch answer {
    case .reply(let reply): reply.status.code < 400 ? .ok : reply.status.code < 500 ? .refused : .failed
    case .broken: .failed
    case .piece, .delivered: .ok
    }
  }
}
