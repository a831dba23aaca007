using System.Text.Json.Serialization;

namespace VmChannel.Control;

/// <summary>The contract as JSON: camelCase, what is null is left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    MaxDepth = 16)]
[JsonSerializable(typeof(ServerInfo))]
[JsonSerializable(typeof(IReadOnlyList<VmInfo>))]
[JsonSerializable(typeof(VmInfo))]
[JsonSerializable(typeof(VmInspection))]
[JsonSerializable(typeof(VmDiagnosis))]
[JsonSerializable(typeof(DoctorReport))]
[JsonSerializable(typeof(RatesReport))]
[JsonSerializable(typeof(IReadOnlyList<PortInfo>))]
[JsonSerializable(typeof(PortInfo))]
[JsonSerializable(typeof(OptionsRequest))]
[JsonSerializable(typeof(ChannelEvent))]
[JsonSerializable(typeof(MissedEvents))]
[JsonSerializable(typeof(ReloadResult))]
[JsonSerializable(typeof(IReadOnlyList<ClipboardInfo>))]
[JsonSerializable(typeof(ClipboardInfo))]
[JsonSerializable(typeof(SentFile))]
[JsonSerializable(typeof(Problem))]
public sealed partial class ControlJson : JsonSerializerContext;
