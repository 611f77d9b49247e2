package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"log"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// fixture is one message as bytes and as JSON.
type fixture struct {
	Type string `json:"type"`
	Case string `json:"case"`
	// There is no other way to write it: fields by number, none twice, none unknown. The bindings
	// put the arm of a oneof behind all other fields.
	Canonical bool            `json:"canonical"`
	Hex       string          `json:"hex"`
	JSON      json.RawMessage `json:"json"`
}

// casesOf fills a message in several ways; what makes bytes that there were is left out.
func casesOf(descriptor protoreflect.MessageDescriptor) []fixture {
	var fixtures []fixture
	seen := map[string]bool{}
	add := func(name string, encoded []byte) {
		if seen[string(encoded)] {
			return
		}
		seen[string(encoded)] = true
		fixtures = append(fixtures, fixture{
			Type:      string(descriptor.FullName()),
			Case:      name,
			Canonical: isCanonical(descriptor, encoded),
			Hex:       hex.EncodeToString(encoded),
			JSON:      toJSON(descriptor, encoded),
		})
	}
	add("empty", nil)
	for _, style := range styles {
		add(style.name, encode(fill(descriptor, style)))
	}
	for i := range descriptor.Fields().Len() {
		arm := descriptor.Fields().Get(i)
		if arm.ContainingOneof() == nil {
			continue
		}
		for _, style := range styles {
			message := newMessage(descriptor)
			message.Set(arm, (&filler{style: style}).value(message, arm, 0))
			add(string(arm.Name())+" "+style.name, encode(message))
		}
	}
	// A field that comes again: texts are replaced, lists grow, messages are merged.
	fullBytes, largeBytes := encode(fill(descriptor, full)), encode(fill(descriptor, large))
	add("twice", append(largeBytes, fullBytes...))
	newer := fill(descriptor, full)
	addUnknown(newer)
	add("newer", append(unknownFields(), encode(newer)...))
	return fixtures
}

// addUnknown makes a message one of a newer API, at every depth.
func addUnknown(message protoreflect.Message) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
		case field.IsList() && field.Message() != nil:
			for i := range value.List().Len() {
				addUnknown(value.List().Get(i).Message())
			}
		case field.IsList():
		case field.Message() != nil:
			addUnknown(value.Message())
		case field.Enum() != nil:
			message.Set(field, protoreflect.ValueOfEnum(unknownNumber))
		}
		return true
	})
	message.SetUnknown(unknownFields())
}

const unknownNumber = 19000

// unknownFields is a field of each wire type, a group inside of a group among them.
func unknownFields() []byte {
	var wire []byte
	wire = protowire.AppendTag(wire, unknownNumber, protowire.VarintType)
	wire = protowire.AppendVarint(wire, 1<<64-1)
	wire = protowire.AppendTag(wire, unknownNumber+1, protowire.Fixed64Type)
	wire = protowire.AppendFixed64(wire, 1)
	wire = protowire.AppendTag(wire, unknownNumber+2, protowire.BytesType)
	wire = protowire.AppendBytes(wire, []byte{0xff, 0})
	wire = protowire.AppendTag(wire, unknownNumber+3, protowire.StartGroupType)
	wire = protowire.AppendTag(wire, 1, protowire.StartGroupType)
	wire = protowire.AppendTag(wire, 1, protowire.EndGroupType)
	wire = protowire.AppendTag(wire, unknownNumber+3, protowire.EndGroupType)
	wire = protowire.AppendTag(wire, protowire.MaxValidNumber, protowire.Fixed32Type)
	return protowire.AppendFixed32(wire, 1)
}

func isCanonical(descriptor protoreflect.MessageDescriptor, encoded []byte) bool {
	last := protowire.Number(0)
	for len(encoded) > 0 {
		number, wireType, size := protowire.ConsumeTag(encoded)
		field := descriptor.Fields().ByNumber(number)
		isAgain := number == last && field != nil && field.Cardinality() != protoreflect.Repeated
		if field == nil || number < last || isAgain {
			return false
		}
		value := encoded[size:]
		length := protowire.ConsumeFieldValue(number, wireType, value)
		if field.Message() != nil {
			inside, _ := protowire.ConsumeBytes(value)
			if !isCanonical(field.Message(), inside) {
				return false
			}
		}
		encoded, last = value[length:], number
	}
	return true
}

func newMessage(descriptor protoreflect.MessageDescriptor) protoreflect.Message {
	messageType, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		log.Fatal(err)
	}
	return messageType.New()
}

func encode(message protoreflect.Message) []byte {
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(message.Interface())
	if err != nil {
		log.Fatal(err)
	}
	return encoded
}

// toJSON is what the bindings read out of the bytes. They vary the spaces on purpose.
func toJSON(descriptor protoreflect.MessageDescriptor, encoded []byte) json.RawMessage {
	message := newMessage(descriptor).Interface()
	if err := proto.Unmarshal(encoded, message); err != nil {
		log.Fatal(err)
	}
	text, err := protojson.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		log.Fatal(err)
	}
	return compact.Bytes()
}
