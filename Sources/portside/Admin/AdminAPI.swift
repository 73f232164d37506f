import ConsoleCore
import Foundation
import HTTPCore

/// The console's commands over HTTP with JSON: answers, and the document that describes them.
enum AdminAPI {
  /// Rows as objects by column; what was done as a sentence; failures with the console's words.
  static func reply(_ answer: ConsoleAnswer) -> HTTPReply {
    switch answer {
    case .done(let text): return reply(.ok, ["done": text])
    case .failure(let text):
      return failure(text.hasPrefix("not permitted") ? .forbidden : .badRequest, text)
    case .secretNeeded(let prompt): return failure(.badRequest, "send \"secret\" as well: \(prompt)")
    case .secrets(let text, let secrets):
      let shown = Dictionary(secrets.map { ($0.name, $0.value) }) { first, _ in first }
      return reply(.ok, ["done": text, "secrets": shown])
    case .listing(let listing):
      let rows = listing.rows.map { row in Dictionary(zip(listing.columns, row)) { first, _ in first } }
      var object: [String: Any] = ["columns": listing.columns, "rows": rows]
      if let next = listing.next { object["next"] = next }
      return reply(.ok, object)
    }
  }

  static func failure(_ status: Status, _ text: String) -> HTTPReply { reply(status, ["error": text]) }

  static func reply(_ status: Status, _ object: [String: Any]) -> HTTPReply {
    var fields = Fields()
    fields.append(.contentType, "application/json" as StaticString)
    fields.append(.cacheControl, "no-store" as StaticString)
    fields.append(.xContentTypeOptions, "nosniff" as StaticString)
    if status == .unauthorized { fields.append(.wwwAuthenticate, "Bearer" as StaticString) }
    let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    return HTTPReply(status, fields: fields, content: .bytes(Array(data ?? Data("{}".utf8)) + [0x0A]))
  }

  /// A request's JSON as the fields of the pages: `{"parameters": {"NAME": "carl"}, "options": {"role": "staff"}}`.
  static func fields(_ object: [String: Any]) -> [String: String] {
    var fields: [String: String] = [:]
    for (key, prefix) in [("parameters", "p."), ("options", "o.")] {
      for (name, value) in object[key] as? [String: Any] ?? [:] {
        if let flag = value as? Bool, !(value is String) {
          if flag { fields[prefix + name] = "on" }
        } else {
          fields[prefix + name] = "\(value)"
        }
      }
    }
    if let after = object["after"] as? String { fields["after"] = after }
    return fields
  }

  /// The first member or field that the command does not know: whoever misspells an option must hear of it.
  static func unknown(_ object: [String: Any], _ fields: [String: String], of command: Command) -> String? {
    let known = Set(
      command.parameters.map { "p." + $0.name } + command.options.map { "o." + $0.name } + ["after"])
    if let field = fields.keys.sorted().first(where: { !known.contains($0) }) { return String(field.dropFirst(2)) }
    for (name, value) in object.sorted(by: { $0.key < $1.key }) {
      switch name {
      case "parameters", "options": if !(value is [String: Any]) { return name }
      case "after", "secret": if !(value is String) { return name }
      default: return name
      }
    }
    return nil
  }

  // MARK: The document

  /// OpenAPI 3.1, made from the commands' declarations.
  static func document(_ tree: CommandTree) -> [String: Any] {
    var paths: [String: Any] = [
      "/login": [
        "post": [
          "summary": "log in", "security": [] as [Any],
          "requestBody": body(["name": text, "password": text, "code": text], required: ["name", "password"]),
          "responses": responses,
        ] as [String: Any]
      ]
    ]
    for command in tree.commands {
      var operation: [String: Any] = [
        "summary": command.summary, "operationId": command.words.joined(separator: "_"), "responses": responses,
      ]
      if command.columns.isEmpty {
        operation["requestBody"] = body(
          [
            "parameters": object(
              command.parameters.map(\.name), required: command.parameters.filter { !$0.isOptional }.map(\.name)),
            "options": object(command.options.map(\.name), required: []), "secret": text,
          ], required: command.parameters.contains { !$0.isOptional } ? ["parameters"] : [])
      } else {
        operation["parameters"] =
          command.parameters.map { query("p." + $0.name, isRequired: !$0.isOptional) }
          + command.options.map { query("o." + $0.name, isRequired: false) } + [query("after", isRequired: false)]
      }
      paths["/" + command.words.joined(separator: "/")] = [command.columns.isEmpty ? "post" : "get": operation]
    }
    return [
      "openapi": "3.1.0", "info": ["title": "Portside", "version": "1"], "servers": [["url": "/api/v1"]],
      "paths": paths, "security": [["bearer": [] as [Any]]],
      "components": ["securitySchemes": ["bearer": ["type": "http", "scheme": "bearer"]]],
    ]
  }

  private static var text: [String: Any] { ["type": "string"] }

  private static func object(_ names: [String], required: [String]) -> [String: Any] {
    [
      "type": "object", "properties": Dictionary(names.map { ($0, text) }) { first, _ in first }, "required": required,
      "additionalProperties": false,
    ]
  }

  private static func body(_ properties: [String: Any], required: [String]) -> [String: Any] {
    let schema: [String: Any] = ["type": "object", "properties": properties, "required": required]
    return ["required": !required.isEmpty, "content": ["application/json": ["schema": schema]]]
  }

  private static func query(_ name: String, isRequired: Bool) -> [String: Any] {
    ["name": name, "in": "query", "required": isRequired, "schema": text]
  }

  private static var responses: [String: Any] {
    let names = ["200": "done", "400": "refused: error says why", "401": "not logged in", "403": "not permitted"]
    return names.mapValues { ["description": $0, "content": ["application/json": ["schema": ["type": "object"]]]] }
  }
}
