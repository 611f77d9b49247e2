package main

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// What the API declares, as far as it shows on the wire or in JSON; the parts by number or name.

type declaration struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Version string   `json:"version,omitempty"`
	Fields  []field  `json:"fields,omitempty"`
	Values  []value  `json:"values,omitempty"`
	Methods []method `json:"methods,omitempty"`
}

type field struct {
	Number int32  `json:"number"`
	Name   string `json:"name"`
	JSON   string `json:"json"`
	// A kind of number or text, or the name of a message or enum; of a map's values.
	Type  string `json:"type"`
	Shape string `json:"shape"`
	Oneof string `json:"oneof,omitempty"`
}

type value struct {
	Number int32  `json:"number"`
	Name   string `json:"name"`
}

type method struct {
	Name   string `json:"name"`
	Input  string `json:"input"`
	Output string `json:"output"`
	Stream bool   `json:"stream"`
}

// outline begins with the version of the API, and has the declarations of each package.
func outline(files []protoreflect.FileDescriptor) []any {
	lines := []any{declaration{Kind: "module", Name: apiModule, Version: apiVersion()}}
	for _, file := range files {
		for i := range file.Services().Len() {
			lines = append(lines, outlineService(file.Services().Get(i)))
		}
		for _, message := range messagesOf(file.Messages()) {
			lines = append(lines, outlineMessage(message))
			for i := range message.Enums().Len() {
				lines = append(lines, outlineEnum(message.Enums().Get(i)))
			}
		}
		for i := range file.Enums().Len() {
			lines = append(lines, outlineEnum(file.Enums().Get(i)))
		}
	}
	return lines
}

func outlineService(service protoreflect.ServiceDescriptor) declaration {
	line := declaration{Kind: "service", Name: string(service.FullName())}
	for i := range service.Methods().Len() {
		one := service.Methods().Get(i)
		line.Methods = append(line.Methods, method{
			Name:   string(one.Name()),
			Input:  string(one.Input().FullName()),
			Output: string(one.Output().FullName()),
			Stream: one.IsStreamingServer(),
		})
	}
	slices.SortFunc(line.Methods, func(a, b method) int { return cmp.Compare(a.Name, b.Name) })
	return line
}

func outlineMessage(message protoreflect.MessageDescriptor) declaration {
	line := declaration{Kind: "message", Name: string(message.FullName())}
	for i := range message.Fields().Len() {
		one := message.Fields().Get(i)
		shape, holder := "single", one
		if one.IsMap() {
			shape, holder = "map by "+one.MapKey().Kind().String(), one.MapValue()
		} else if one.IsList() {
			shape = "list"
		}
		oneof := ""
		if one.ContainingOneof() != nil {
			oneof = string(one.ContainingOneof().Name())
		}
		line.Fields = append(line.Fields, field{
			Number: int32(one.Number()),
			Name:   string(one.Name()),
			JSON:   one.JSONName(),
			Type:   typeOf(holder),
			Shape:  shape,
			Oneof:  oneof,
		})
	}
	slices.SortFunc(line.Fields, func(a, b field) int { return cmp.Compare(a.Number, b.Number) })
	return line
}

func typeOf(one protoreflect.FieldDescriptor) string {
	if one.Message() != nil {
		return string(one.Message().FullName())
	}
	if one.Enum() != nil {
		return string(one.Enum().FullName())
	}
	return one.Kind().String()
}

func outlineEnum(enum protoreflect.EnumDescriptor) declaration {
	line := declaration{Kind: "enum", Name: string(enum.FullName())}
	for i := range enum.Values().Len() {
		one := enum.Values().Get(i)
		line.Values = append(line.Values, value{int32(one.Number()), string(one.Name())})
	}
	return line
}
