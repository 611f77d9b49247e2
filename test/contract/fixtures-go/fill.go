package main

import (
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// style says with what a message is filled: at the outermost level every list and map has so many
// elements, below it one. Messages are filled down to a depth; deeper ones stay empty.
type style struct {
	name     string
	elements int
	depthMax int
	// scalar gives the n-th value of the message.
	scalar func(kind protoreflect.Kind, n int) any
	// seconds and nanoseconds of the n-th duration or time.
	duration func(n int) (int64, int32)
	time     func(n int) (int64, int32)
}

var (
	// Everything set, every value another one.
	full = &style{
		name: "full", elements: 2, depthMax: 4, scalar: fullScalar,
		duration: func(n int) (int64, int32) { return int64(n), int32(n) * 1_000_000 },
		time:     func(n int) (int64, int32) { return int64(n), int32(n) * 1_000 },
	}
	// Everything set to what is not written where its absence means the same.
	zero = &style{
		name: "zero", elements: 1, depthMax: 2, scalar: zeroScalar,
		duration: func(int) (int64, int32) { return 0, 0 },
		time:     func(int) (int64, int32) { return 0, 0 },
	}
	large = &style{
		name: "large", elements: 3, depthMax: 1, scalar: largeScalar,
		duration: func(int) (int64, int32) { return 315_576_000_000, 999_999_999 },
		time:     func(int) (int64, int32) { return 253_402_300_799, 999_999_999 },
	}
	// The other end, where there is one below zero.
	least = &style{
		name: "least", elements: 1, depthMax: 2, scalar: leastScalar,
		duration: func(int) (int64, int32) { return -315_576_000_000, -999_999_999 },
		time:     func(int) (int64, int32) { return -62_135_596_800, 0 },
	}
	styles = []*style{full, zero, large, least}
)

func fill(descriptor protoreflect.MessageDescriptor, style *style) protoreflect.Message {
	message := newMessage(descriptor)
	(&filler{style: style}).message(message, 0)
	return message
}

type filler struct {
	style *style
	count int
}

// message sets all fields; of those that exclude each other the first.
func (f *filler) message(message protoreflect.Message, depth int) {
	fields := message.Descriptor().Fields()
	switch message.Descriptor().FullName() {
	case "google.protobuf.Duration":
		f.moment(message, f.style.duration)
		return
	case "google.protobuf.Timestamp":
		f.moment(message, f.style.time)
		return
	}
	for i := range fields.Len() {
		field := fields.Get(i)
		oneof := field.ContainingOneof()
		if oneof == nil || oneof.Fields().Get(0) == field {
			message.Set(field, f.value(message, field, depth))
		}
	}
}

func (f *filler) moment(message protoreflect.Message, at func(n int) (int64, int32)) {
	f.count++
	seconds, nanos := at(f.count)
	fields := message.Descriptor().Fields()
	message.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(seconds))
	message.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(nanos))
}

func (f *filler) value(
	message protoreflect.Message, field protoreflect.FieldDescriptor, depth int,
) protoreflect.Value {
	elements := 1
	if depth == 0 {
		elements = f.style.elements
	}
	switch {
	case field.IsList():
		list := message.NewField(field)
		for range elements {
			list.List().Append(f.single(field, list.List().NewElement, depth))
		}
		return list
	case field.IsMap():
		entries := message.NewField(field)
		for range elements {
			key := f.single(field.MapKey(), nil, depth).MapKey()
			entries.Map().Set(key, f.single(field.MapValue(), entries.Map().NewValue, depth))
		}
		return entries
	default:
		newValue := func() protoreflect.Value { return message.NewField(field) }
		return f.single(field, newValue, depth)
	}
}

func (f *filler) single(
	field protoreflect.FieldDescriptor, newValue func() protoreflect.Value, depth int,
) protoreflect.Value {
	if field.Message() != nil {
		value := newValue()
		if depth < f.style.depthMax {
			f.message(value.Message(), depth+1)
		}
		return value
	}
	f.count++
	if field.Enum() == nil {
		return protoreflect.ValueOf(f.style.scalar(field.Kind(), f.count))
	}
	values := field.Enum().Values()
	index := map[*style]int{full: f.count % values.Len(), large: values.Len() - 1}[f.style]
	return protoreflect.ValueOfEnum(values.Get(index).Number())
}

func fullScalar(kind protoreflect.Kind, n int) any {
	switch kind {
	case protoreflect.BoolKind:
		return true
	case protoreflect.StringKind:
		return fmt.Sprintf("text %d", n)
	case protoreflect.BytesKind:
		return []byte{0xff, 0, byte(n)}
	case protoreflect.FloatKind:
		return float32(n) + 0.5
	case protoreflect.DoubleKind:
		return float64(n) + 0.1
	}
	return integer(kind, uint64(n))
}

func zeroScalar(kind protoreflect.Kind, _ int) any {
	switch kind {
	case protoreflect.BoolKind:
		return false
	case protoreflect.StringKind:
		return ""
	case protoreflect.BytesKind:
		return []byte{}
	case protoreflect.FloatKind:
		return float32(0)
	case protoreflect.DoubleKind:
		return float64(0)
	}
	return integer(kind, 0)
}

// largeScalar has text of characters of each length in UTF-8, longer than a byte can say.
func largeScalar(kind protoreflect.Kind, n int) any {
	switch kind {
	case protoreflect.BoolKind:
		return true
	case protoreflect.StringKind:
		return fmt.Sprintf("%d %s", n, strings.Repeat("aß\u20ac\U0001f9f5\x00", 14))
	case protoreflect.BytesKind:
		return []byte(strings.Repeat("\x80\x00\xff", 44))
	case protoreflect.FloatKind:
		return float32(1 << 24)
	case protoreflect.DoubleKind:
		return math.MaxFloat64
	}
	return integer(kind, math.MaxUint64)
}

func leastScalar(kind protoreflect.Kind, _ int) any {
	switch kind {
	case protoreflect.FloatKind:
		return float32(math.Inf(-1))
	case protoreflect.DoubleKind:
		return -math.SmallestNonzeroFloat64
	}
	return zeroScalar(kind, 0)
}

// integer cuts off what the kind has no room for. Signed ones are only in durations and times.
func integer(kind protoreflect.Kind, n uint64) any {
	switch kind {
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return uint32(n)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return n
	}
	panic(fmt.Sprintf("the API has no %s", kind))
}
