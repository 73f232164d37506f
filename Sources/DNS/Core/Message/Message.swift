/// A DNS message (RFC 1035 §4).
public struct Message: Hashable, Sendable {
  public var header: Header
  public var questions: [Question]
  public var answers: [ResourceRecord]
  public var authorities: [ResourceRecord]
  /// Without the OPT record, which is `edns`.
  public var additionals: [ResourceRecord]
  /// What the OPT record says; `nil` without one.
  public var edns: EDNS?

  public init(
    header: Header, questions: [Question] = [], answers: [ResourceRecord] = [], authorities: [ResourceRecord] = [],
    additionals: [ResourceRecord] = [], edns: EDNS? = nil
  ) {
    self.header = header
    self.questions = questions
    self.answers = answers
    self.authorities = authorities
    self.additionals = additionals
    self.edns = edns
  }

  /// The response code with the bits that EDNS adds (RFC 6891 §6.1.3).
  public var responseCode: ResponseCode {
    ResponseCode(rawValue: UInt16(edns?.extendedResponseCode ?? 0) << 4 | header.responseCode.rawValue & 15)
  }
}
