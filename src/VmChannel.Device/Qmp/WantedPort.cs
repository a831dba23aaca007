namespace VmChannel.Device.Qmp;

/// <summary>A port as QEMU is to have it.</summary>
/// <param name="Link">The port; what it does belongs to the loop.</param>
/// <param name="IsHostOpen">What the guest is told of its host end.</param>
/// <param name="IsGuestUncertain">Whether the guest has it open is to be asked.</param>
internal readonly record struct WantedPort(LinkedPort Link, bool IsHostOpen, bool IsGuestUncertain);
