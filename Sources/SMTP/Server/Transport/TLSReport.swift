/// A report of TLS that worked and that failed, in the form of RFC 8460 §4.
public struct TLSReport: Codable, Sendable, Hashable {
  public struct Dates: Codable, Sendable, Hashable {
    public var start: String
    public var end: String

    enum CodingKeys: String, CodingKey {
      case start = "start-datetime"
      case end = "end-datetime"
    }
  }

  public struct Policy: Codable, Sendable, Hashable {
    /// `sts`, `tlsa` or `no-policy-found`.
    public var type: String
    public var text: [String]?
    public var domain: String
    public var servers: [String]?

    enum CodingKeys: String, CodingKey {
      case type = "policy-type"
      case text = "policy-string"
      case domain = "policy-domain"
      case servers = "mx-host"
    }
  }

  public struct Summary: Codable, Sendable, Hashable {
    public var successes: Int
    public var failures: Int

    enum CodingKeys: String, CodingKey {
      case successes = "total-successful-session-count"
      case failures = "total-failure-session-count"
    }
  }

  public struct Failure: Codable, Sendable, Hashable {
    public var type: String
    public var server: String?
    public var address: String?
    public var count: Int
    public var reason: String?

    enum CodingKeys: String, CodingKey {
      case type = "result-type"
      case server = "receiving-mx-hostname"
      case address = "receiving-ip"
      case count = "failed-session-count"
      case reason = "failure-reason-code"
    }
  }

  public struct Result: Codable, Sendable, Hashable {
    public var policy: Policy
    public var summary: Summary
    public var failures: [Failure]?

    enum CodingKeys: String, CodingKey {
      case policy, summary
      case failures = "failure-details"
    }
  }

  public var organisation: String?
  public var dates: Dates
  public var contact: String?
  public var id: String
  public var policies: [Result]

  enum CodingKeys: String, CodingKey {
    case organisation = "organization-name"
    case dates = "date-range"
    case contact = "contact-info"
    case id = "report-id"
    case policies
  }
}
