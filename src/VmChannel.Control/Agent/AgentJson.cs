using System.Text.Json;
using System.Text.Json.Serialization;

namespace VmChannel.Control.Agent;

/// <summary>What agents return, as JSON. Members that are not known here are skipped: newer agents have more.</summary>
[JsonSourceGenerationOptions(
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, MaxDepth = AgentMessage.MaxDepth)]
[JsonSerializable(typeof(AgentInfo))]
[JsonSerializable(typeof(ExecStart))]
[JsonSerializable(typeof(ExecStatus))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class AgentJson : JsonSerializerContext;
