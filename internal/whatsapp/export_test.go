package whatsapp

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	wmstore "go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"

	"go.mau.fi/whatsmeow/proto/waCompanionReg"
)

// MessageContent is messageContent.
func MessageContent(m *waE2E.Message) (kind string, content []byte, err error) {
	return messageContent(m)
}

// AsksForFullHistory says what a device tells the phone of histories when it is
// linked with the choice full, and without.
func AsksForFullHistory(device *wmstore.Device) (with, without bool) {
	var a, b waCompanionReg.DeviceProps
	_ = proto.Unmarshal(fullHistoryPayload(device).GetDevicePairingData().GetDeviceProps(), &a)
	_ = proto.Unmarshal(device.GetClientPayload().GetDevicePairingData().GetDeviceProps(), &b)
	return a.GetRequireFullSync(), b.GetRequireFullSync()
}
