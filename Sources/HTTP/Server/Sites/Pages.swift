import HTTPCore

/// The plain pages that the server makes itself. They reflect nothing that a client sent, but a redirect's escaped link.
public enum Pages {
  /// A page that says what is wrong.
  public static func error(_ status: Status, fields: Fields = Fields()) -> HTTPReply {
    page(status, fields: fields, body: "")
  }

  /// A redirect to a location, which must be a URI reference.
  static func redirect(_ status: Status, to location: String) -> HTTPReply {
    var fields = Fields()
    fields.append(.location, location)
    return page(status, fields: fields, body: "<p><a href=\"\(HTMLEscaping.escape(location))\">here</a>\n")
  }

  private static func page(_ status: Status, fields: Fields, body: String) -> HTTPReply {
    var fields = fields
    fields.append(.contentType, "text/html; charset=utf-8" as StaticString)
    fields.append(.xContentTypeOptions, "nosniff" as StaticString)
    fields.append(.contentSecurityPolicy, "default-src 'none'" as StaticString)
    let title = "\(status.code) \(status.reason)"
    let html = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>\(title)</title>\n<h1>\(title)</h1>\n\(body)"
    return HTTPReply(status, fields: fields, content: .bytes(Array(html.utf8)))
  }
}
