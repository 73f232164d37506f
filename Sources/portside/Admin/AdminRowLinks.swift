import ConsoleCore
import Foundation

/// What can be done about a row of a listing: a link to a command's form with its fields filled in. Nothing is done by the link itself.
struct AdminRowLink: Sendable {
  /// The column whose value the command wants.
  var column: String
  var label: String
  /// The command's name, as in the console.
  var command: String
  var parameter: String
  /// Parameters of the listing that the command wants as well.
  var kept: [String] = []

  /// By the listing's name.
  static let all: [String: [AdminRowLink]] = {
    let sessions = [AdminRowLink(column: "session", label: "end", command: "session end", parameter: "SESSION")]
    let penalties = [AdminRowLink(column: "source", label: "clear", command: "penalty clear", parameter: "NETWORK|all")]
    let queue = ["release", "hold", "retry", "drop"].map {
      AdminRowLink(column: "id", label: $0, command: "queue \($0)", parameter: "ID")
    }
    return [
      "show sessions": sessions, "session list": sessions, "show penalties": penalties, "penalty list": penalties,
      "show mail queue": queue, "queue list": queue,
      "show leases": [AdminRowLink(column: "address", label: "release", command: "release", parameter: "ADDRESS")],
      "show zones": [AdminRowLink(column: "zone", label: "records", command: "show zone", parameter: "ZONE")],
      "account key list": [
        AdminRowLink(
          column: "fingerprint", label: "remove", command: "account key remove", parameter: "KEY", kept: ["NAME"])
      ],
      "account app-password list": [
        AdminRowLink(
          column: "label", label: "remove", command: "account app-password remove", parameter: "LABEL", kept: ["NAME"])
      ],
    ]
  }()

  /// The link for a row; `nil` where the row has nothing for it.
  func target(_ columns: [String], _ row: [String], _ values: [String: String]) -> String? {
    guard let index = columns.firstIndex(of: column), index < row.count, !row[index].isEmpty else { return nil }
    var fields = kept.compactMap { name in values["p." + name].map { ("p." + name, $0) } }
    fields.append(("p." + parameter, row[index]))
    return "/c/" + command.split(separator: " ").joined(separator: "/") + AdminQuery.text(fields)
  }
}

/// Fields as a URL's query. A plus sign is encoded as well: a form's reader takes it for a space.
enum AdminQuery {
  private static let plain = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

  static func text(_ fields: [(String, String)]) -> String {
    guard !fields.isEmpty else { return "" }
    return "?" + fields.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
  }

  private static func encoded(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
  }
}
